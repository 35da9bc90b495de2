use axum::{Json, Router, routing::get};
use common::{
    config::{Env, ServerConfig},
    health::Health,
    lifecycle::{Application, Workers},
};
use serde_json::json;
use test_support::Running;

/// Tells the queue service, and nobody else, that there are seats enough for everybody. The queue lets no more buyers in
/// than there are seats, and then nobody would race; admission has tests of its own.
pub(crate) async fn start() -> Running {
    let enough = || async { Json(json!({"total": 1_000_000, "sold": 0, "unsold": 1_000_000})) };
    let router = Router::new().route("/internal/reservations/availability/{event}", get(enough));
    let env = Env::from_pairs([("HOST", "127.0.0.1"), ("PORT", "0")]).unwrap();
    let server = ServerConfig::from_env(&env, 0).unwrap();
    let application = Application::bind(&server, router, Health::new(), Workers::new())
        .await
        .unwrap();
    Running::start(application)
}
