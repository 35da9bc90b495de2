use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Operation, Provider};
use crate::server::Spoiled;
use crate::state::Simulators;

/// A value that no release of PortOne has had so far.
const UNKNOWN: &str = "NOT_KNOWN_YET";
const BODY_LIMIT: usize = 1 << 20;

/// What happens to one request.
pub(super) struct Plan {
    pub(super) delay: Duration,
    pub(super) reply_delay: Duration,
    pub(super) fails: bool,
    pub(super) loses_reply: bool,
    pub(super) fails_after_effect: bool,
    pub(super) unknown_status: bool,
    pub(super) unknown_channel_type: bool,
    pub(super) unknown_cancellation_status: bool,
    pub(super) extra_fields: bool,
    pub(super) quirks: Quirks,
}

/// A request extension: what the payment gateway behind PortOne makes of it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Quirks {
    /// It is out of order.
    pub(crate) gateway_error: bool,
    /// It takes a cancellation and settles it later.
    pub(crate) requested: bool,
    pub(crate) requested_for: Duration,
    pub(crate) requested_fails: bool,
}

/// A response extension: the request failed before it reached the application, which therefore has no reply to
/// remember for its idempotency key.
#[derive(Clone, Copy)]
pub(crate) struct NotPerformed;

/// Middleware of one PortOne operation.
pub(crate) async fn strike_operation(
    State((simulators, operation)): State<(Arc<Simulators>, Operation)>,
    mut request: Request,
    next: Next,
) -> Response {
    let plan = simulators.faults.plan(operation);
    tokio::time::sleep(plan.delay).await;
    if plan.fails {
        let mut failure = unavailable();
        failure.extensions_mut().insert(NotPerformed);
        return failure;
    }
    request.extensions_mut().insert(plan.quirks);
    let mut response = next.run(request).await;
    tokio::time::sleep(plan.reply_delay).await;
    if plan.says_something_new() {
        response = renewed(response, &plan).await;
    }
    if plan.loses_reply {
        response.extensions_mut().insert(Spoiled::Lost);
    } else if plan.fails_after_effect {
        response.extensions_mut().insert(Spoiled::ServerError);
    }
    response
}

impl Plan {
    fn says_something_new(&self) -> bool {
        self.unknown_status || self.unknown_channel_type || self.unknown_cancellation_status || self.extra_fields
    }
}

/// The reply of a PortOne that has moved on.
async fn renewed(response: Response, plan: &Plan) -> Response {
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    let Ok(mut reply) = serde_json::from_slice::<Value>(&bytes) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    let mut replace = |pointer: &str, strikes: bool| {
        if strikes && let Some(value) = reply.pointer_mut(pointer) {
            *value = json!(UNKNOWN);
        }
    };
    replace("/status", plan.unknown_status);
    replace("/channel/type", plan.unknown_channel_type);
    replace("/cancellation/status", plan.unknown_cancellation_status);
    let cancellations = reply.get_mut("cancellations").and_then(Value::as_array_mut);
    for cancellation in cancellations
        .into_iter()
        .flatten()
        .filter(|_| plan.unknown_cancellation_status)
    {
        cancellation["status"] = json!(UNKNOWN);
    }
    if plan.extra_fields {
        add_fields(&mut reply);
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(reply.to_string()))
}

/// Gives every object a field more.
pub(crate) fn add_fields(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(add_fields);
            object.insert("novelty".to_owned(), json!({ "kind": UNKNOWN, "list": [1, null] }));
        }
        Value::Array(items) => items.iter_mut().for_each(add_fields),
        _ => {}
    }
}

/// Middleware of a provider that is only ever up, slow or down.
pub(crate) async fn strike_provider(
    State((simulators, provider)): State<(Arc<Simulators>, Provider)>,
    request: Request,
    next: Next,
) -> Response {
    let outage = simulators.faults.outage(provider);
    tokio::time::sleep(Duration::from_millis(outage.delay_ms)).await;
    if outage.down {
        return unavailable();
    }
    next.run(request).await
}

/// What a load balancer says for an application that does not answer: a page, not the provider's JSON.
fn unavailable() -> Response {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        "<html><body>503 Service Temporarily Unavailable</body></html>",
    )
        .into_response()
}
