use axum::{Json, Router, routing::get};
use serde_json::json;
use test_support::Running;

/// Tells the queue service, and nobody else, that there are seats enough for everybody. The queue lets no more buyers in
/// than there are seats, and then nobody would race; admission has tests of its own.
pub(crate) async fn start() -> Running {
    let enough = || async { Json(json!({"total": 1_000_000, "sold": 0, "unsold": 1_000_000})) };
    let router = Router::new().route("/internal/reservations/availability/{event}", get(enough));
    Running::serve(router).await
}
