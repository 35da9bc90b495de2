//! Event and reservation service as far as a line needs them.

use axum::{Json, Router, extract::Path, routing::get};
use chrono::TimeDelta;
use common::Clock;
use serde_json::{Value, json};
use test_support::Running;
use uuid::Uuid;

pub(crate) async fn start() -> Running {
    let router = Router::new()
        .route("/internal/events/{id}", get(event))
        .route("/internal/reservations/availability/{id}", get(availability));
    Running::serve(router).await
}

async fn event(Path(id): Path<Uuid>) -> Json<Value> {
    let now = Clock::system().now();
    Json(json!({
        "eventId": id,
        "status": "ONGOING",
        "saleStartAt": now - TimeDelta::days(1),
        "saleEndAt": now + TimeDelta::days(1),
    }))
}

async fn availability(Path(id): Path<Uuid>) -> Json<Value> {
    Json(json!({"eventId": id, "total": 1_000_000, "sold": 0, "unsold": 1_000_000}))
}
