//! What goes around every service's own routes: request id and trace, access log and metrics, a limit on bodies, problems
//! for what matches nothing, and the fixed routes `/health/*`, `/metrics` and `/openapi.json` (`design.md` §2).

use crate::{
    context::{self, REQUEST_ID_HEADER, RequestContext, TraceParent},
    extract::Json,
    handled::Handled,
    health::{Health, Readiness},
    problem::{Code, FieldError, Problem, ProblemSchema},
    telemetry, traces,
};
use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    response::{IntoResponse, Response},
    routing::{Route, get},
};
use futures_util::FutureExt;
use http::{HeaderValue, StatusCode, header};
use hyper::body::Body;
use std::{any::Any, convert::Infallible, panic::AssertUnwindSafe, time::Instant};
use tower::{Service, layer::layer_fn, service_fn};
use tracing::Instrument;
use utoipa::openapi::{
    OpenApi,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::router::OpenApiRouter;

/// The largest body a route takes unless it says otherwise.
pub const BODY_LIMIT_BYTES: usize = 64 * 1024;

/// A service's name and what its API is for.
#[derive(Clone, Copy, Debug)]
pub struct ServiceInfo {
    /// As in logs and metrics, `user-service`.
    pub name: &'static str,
    /// The OpenAPI document's title.
    pub title: &'static str,
}

/// The service's router: its documented `api`, its undocumented `internal` routes, and what every service has.
pub fn service_router(info: ServiceInfo, api: OpenApiRouter, internal: Router, health: &Health) -> Router {
    let (api, document) = api.split_for_parts();
    let document = describe(document, info).to_json().unwrap_or_default();
    let ready = health.clone();
    let fixed = Router::new()
        .route(
            "/health/live",
            get(|| async { Json(serde_json::json!({"status": "UP"})) }),
        )
        .route("/health/ready", get(move || readiness(ready.clone())))
        .route("/metrics", get(|| async { telemetry::render() }))
        .route("/openapi.json", get(move || openapi(document.clone())));
    wrap(api.merge(internal), info).merge(fixed)
}

/// The document that `/openapi.json` shows, for who has no running service.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn document<S>(info: ServiceInfo, api: OpenApiRouter<S>) -> anyhow::Result<String>
where
    S: Clone + Send + Sync + 'static,
{
    Ok(describe(api.into_openapi(), info).to_json()?)
}

/// The layers of [`service_router`] around routes of any kind.
pub fn wrap(router: Router, info: ServiceInfo) -> Router {
    router
        .fallback(|| async { Problem::new(Code::NotFound) })
        .method_not_allowed_fallback(|| async { Problem::new(Code::MethodNotAllowed) })
        .layer(layer_fn(move |mut route: Route| {
            service_fn(move |request| observe(info, request, &mut route))
        }))
}

/// Gives the request its context and its body a limit, turns a panic into a reply, and logs and measures how it ended.
///
/// All of it in one layer: axum keeps each behind a box that is copied for every request, with all that is inside it.
fn observe(
    info: ServiceInfo,
    mut request: Request,
    route: &mut Route,
) -> impl Future<Output = Result<Response, Infallible>> + Send + use<> {
    if !request.body().is_end_stream() {
        DefaultBodyLimit::max(BODY_LIMIT_BYTES).apply(&mut request);
    }
    let context = RequestContext::from_headers(request.headers());
    let request_id = context.request_id.clone();
    let pattern = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let trace = context.trace;
    let text = trace.text();
    let trace_id = str::from_utf8(&text[TraceParent::TRACE_ID]).unwrap_or_default();
    let span = tracing::info_span!("request", request.id = request_id, trace.id = trace_id);
    let notes = context.notes();
    let path = notes.are_wanted().then(|| request.uri().path().to_owned());
    let started = Instant::now();
    let handling = AssertUnwindSafe(route.call(request)).catch_unwind();
    let observed = context::scope(context, async move {
        let Ok(mut response) = handling.await.unwrap_or_else(|panic| Ok(panicked(panic)));
        let handled = Handled {
            service: info.name,
            request_id: &request_id,
            trace,
            method: &method,
            route: pattern.as_ref().map_or("unmatched", MatchedPath::as_str),
            status: response.status().as_u16(),
            duration: started.elapsed(),
        };
        handled.tell();
        traces::record(trace, traces::SpanKind::Server, started, handled.duration, |span| {
            let call = traces::ServerCall {
                method: &method,
                route: pattern.as_ref().map(MatchedPath::as_str),
                path: path.as_deref().unwrap_or_default(),
                status: handled.status,
                request_id: &request_id,
            };
            call.describe(span);
            span.take_notes(&notes);
        });
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert(REQUEST_ID_HEADER, value);
        }
        Ok(response)
    });
    observed.instrument(span)
}

async fn readiness(health: Health) -> (StatusCode, Json<Readiness>) {
    let readiness = health.readiness().await;
    let status = if readiness.status == "UP" {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(readiness))
}

async fn openapi(document: String) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document)
}

/// Completes the collected document with what all services share.
fn describe(mut document: OpenApi, info: ServiceInfo) -> OpenApi {
    use utoipa::PartialSchema;
    document.info.title = info.title.to_owned();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    document.info.license = None;
    document.info.description = None;
    document.info.contact = None;
    let components = document.components.get_or_insert_default();
    components.schemas.insert("Problem".to_owned(), ProblemSchema::schema());
    components.schemas.insert("FieldError".to_owned(), FieldError::schema());
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .build();
    components
        .security_schemes
        .insert("bearer".to_owned(), SecurityScheme::Http(bearer).into());
    document
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic over by value")]
fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let message = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Problem::internal(&format!("a handler panicked: {message}")).into_response()
}
