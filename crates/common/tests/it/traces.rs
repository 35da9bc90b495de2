//! A request's spans, from one service to another, as a collector gets them. The exporter is the process's, so these tests
//! share a collector and look for their own trace.

use axum::{
    Router,
    extract::State,
    routing::{get, post},
};
use common::{
    Clock,
    client::ServiceClient,
    config::Env,
    context::{self, RequestContext},
    http::{ServiceInfo, wrap},
    internal_auth::{Service, SigningKey},
    traces,
};
use http::StatusCode;
use std::future::IntoFuture;
use test_support::{Collector, SeenKind, SpanSeen};
use tokio::{net::TcpListener, sync::OnceCell, task::JoinSet};

const SPAN: &str = "00f067aa0ba902b7";

/// The collector and everything that serves live as long as the process.
struct World {
    collector: Collector,
    caller: String,
}

/// The one for all tests; on a runtime of its own, because a test's ends with it.
async fn world() -> &'static World {
    static WORLD: OnceCell<World> = OnceCell::const_new();
    WORLD
        .get_or_init(|| async {
            let (started, starting) = tokio::sync::oneshot::channel();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(async move {
                    let _started = started.send(build().await);
                    std::future::pending::<()>().await;
                });
            });
            starting.await.unwrap()
        })
        .await
}

async fn build() -> World {
    let collector = Collector::start().await;
    let env = Env::from_pairs([
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint()),
        ("OTEL_TRACES_SAMPLER_ARG", "1"),
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
    ])
    .unwrap();
    traces::init("some-service", &env).unwrap();

    let called = serve(wrap(
        Router::new()
            .route("/internal/things/{id}", get(async || "7"))
            .route("/internal/broken", post(async || StatusCode::INTERNAL_SERVER_ERROR)),
        ServiceInfo {
            name: "called",
            title: "",
        },
    ))
    .await;
    let key = SigningKey::from_env(&env, Service::Payment).unwrap();
    let client = ServiceClient::new("called-service", &called, key, Clock::system()).unwrap();
    let calling = Router::new()
        .route("/calls/{id}", get(call))
        .route("/fails", get(fail))
        .route("/admin/users/{id}/lock", get(async || "locked"))
        .with_state(client);
    let info = ServiceInfo {
        name: "caller",
        title: "",
    };
    World {
        collector,
        caller: serve(wrap(calling, info)).await,
    }
}

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut serving = JoinSet::new();
    serving.spawn(axum::serve(listener, router).into_future());
    std::mem::forget(serving);
    format!("http://{address}")
}

async fn call(State(client): State<ServiceClient>) -> String {
    traces::note("thing.id", || "the first");
    traces::note("thing.id", || "the second");
    let id = uuid::Uuid::now_v7();
    let got: i32 = client.get(&format!("/internal/things/{id}?for=kim")).await.unwrap();
    got.to_string()
}

async fn fail(State(client): State<ServiceClient>) -> StatusCode {
    let failed = client.post::<i32>("/internal/broken", &"").await;
    assert!(failed.is_err());
    StatusCode::BAD_GATEWAY
}

/// Calls the caller as part of a trace that nobody else has; tells which.
async fn ask(world: &World, path: &str, flags: &str) -> String {
    let trace = uuid::Uuid::now_v7().simple().to_string();
    let reply = reqwest::Client::new()
        .get(format!("{}{path}", world.caller))
        .header("x-request-id", "a-request")
        .header("traceparent", format!("00-{trace}-{SPAN}-{flags}"))
        .send()
        .await;
    assert!(reply.unwrap().status().as_u16() < 503);
    trace
}

fn of_kind(spans: &[SpanSeen], kind: SeenKind) -> Vec<&SpanSeen> {
    spans.iter().filter(|span| span.kind == kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_one_trace_across_services() {
    let world = world().await;
    let trace = ask(world, "/calls/7?secret=1", "01").await;
    let spans = world.collector.trace(&trace, |spans| spans.len() >= 3).await;
    assert_eq!(spans.len(), 3, "{spans:#?}");

    let client = of_kind(&spans, SeenKind::Client)[0];
    let server = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let (outer, inner) = (server("GET /calls/{id}"), server("GET /internal/things/{id}"));
    assert_eq!((outer.kind, inner.kind), (SeenKind::Server, SeenKind::Server));
    assert_eq!(outer.parent.as_deref(), Some(SPAN));
    assert_eq!(client.parent.as_ref(), Some(&outer.id));
    assert_eq!(inner.parent.as_ref(), Some(&client.id));
    assert!(outer.start <= client.start && client.end <= outer.end, "{spans:#?}");
    assert!(spans.iter().all(|span| span.service == "some-service" && !span.failed));

    assert_eq!(client.name, "GET /internal/things/{id}");
    assert_eq!(client.attributes["service.peer.name"], "called-service");
    assert_eq!(client.attributes["http.response.status_code"], "200");
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/calls/{id}"),
        ("http.response.status_code", "200"),
        ("url.path", "/calls/7"),
        ("request.id", "a-request"),
        ("thing.id", "the second"),
    ] {
        assert_eq!(outer.attributes[key], value);
    }
    assert!(!format!("{spans:?}").contains("kim"), "no query is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_span_tells_which_user_a_path_names() {
    let world = world().await;
    let user = uuid::Uuid::now_v7().to_string();
    let trace = ask(world, &format!("/admin/users/{user}/lock"), "01").await;
    let spans = world.collector.trace(&trace, |spans| !spans.is_empty()).await;
    assert_eq!(spans[0].attributes["http.route"], "/admin/users/{id}/lock");
    assert!(!format!("{spans:?}").contains(&user), "{spans:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_marked_where_it_happened() {
    let world = world().await;
    let trace = ask(world, "/fails", "01").await;
    let spans = world.collector.trace(&trace, |spans| spans.len() >= 3).await;
    assert!(spans.iter().all(|span| span.failed), "{spans:#?}");
    assert_eq!(of_kind(&spans, SeenKind::Client)[0].attributes["error.type"], "500");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_recorded_tells_nothing() {
    let world = world().await;
    let unrecorded = ask(world, "/calls/1", "00").await;
    let recorded = ask(world, "/calls/1", "01").await;
    world.collector.trace(&recorded, |spans| spans.len() >= 3).await;
    // Sent by the same thread in order, so it would have come before.
    assert!(world.collector.spans().iter().all(|span| span.trace != unrecorded));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_decides_for_a_client() {
    let _exporting = world().await;
    let mut headers = http::HeaderMap::new();
    let trace = uuid::Uuid::now_v7().simple().to_string();
    headers.insert("traceparent", format!("00-{trace}-{SPAN}-00").parse().unwrap());
    let context = RequestContext::from_client(&headers);
    assert_eq!(context.trace.trace_id(), trace, "the client's trace");
    assert!(context.trace.is_sampled(), "the ratio is 1, whatever the client says");
    assert!(!RequestContext::new().trace.is_sampled(), "nobody asked for this work");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_in_the_background_is_a_root() {
    let world = world().await;
    let trace = traces::background("clean up", async {
        traces::note("thing.id", || "it");
        context::current().trace.trace_id()
    })
    .await;
    let spans = world.collector.trace(&trace, |spans| !spans.is_empty()).await;
    let span = &spans[0];
    assert_eq!(
        (&*span.name, span.kind, &span.parent),
        ("clean up", SeenKind::Internal, &None)
    );
    assert_eq!(span.attributes["thing.id"], "it");
}
