//! The peer: one bare EVALSHA per request, by the client that the service uses too; and the same behind an HTTP server with
//! the same credential.

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use common::{
    extract::{Json, Query},
    health::Health,
    http::{ServiceInfo, wrap},
    identity::User,
    internal_auth::{Service, guard},
    lifecycle::{Application, Workers},
    problem::{ApiResult, Code, Problem},
    redis::Redis,
};
use queue_service::{Config, measured};
use redis::{RedisResult, Script};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use test_support::Running;
use uuid::Uuid;

const INFO: ServiceInfo = ServiceInfo {
    name: "peer",
    title: "One EVALSHA per request",
};
const SESSION_MILLIS: u32 = 600_000;

/// The scripts for one user, and nothing around them.
pub(crate) struct Bare {
    redis: Redis,
    enter: Script,
    poll: Script,
}

/// What both scripts say of somebody in line: word, score, place, waiting, pace, now.
type Place = (String, i64, u64, u64, String, i64);

impl Bare {
    pub(crate) fn new(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            redis: measured::client(config)?,
            enter: measured::line_script(include_str!("bare_enter.lua")),
            poll: measured::line_script(include_str!("bare_poll.lua")),
        })
    }

    pub(crate) async fn enter(&self, user: Uuid, event: Uuid) -> RedisResult<Place> {
        let mut call = self.enter.prepare_invoke();
        call.key(&measured::keys(event))
            .arg(user.to_string())
            .arg(u32::MAX)
            .arg(0)
            .arg(i64::MAX / 1024)
            .arg(SESSION_MILLIS);
        call.invoke_async(&mut self.redis.clone()).await
    }

    pub(crate) async fn status(&self, user: Uuid, event: Uuid) -> RedisResult<Place> {
        let mut call = self.poll.prepare_invoke();
        call.key(&measured::keys(event))
            .arg(user.to_string())
            .arg(SESSION_MILLIS);
        call.invoke_async(&mut self.redis.clone()).await
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Which {
    event_id: Uuid,
}

/// The same behind HTTP.
pub(crate) async fn start(config: &Config) -> anyhow::Result<Running> {
    let router = Router::new()
        .route("/queue/enter", post(enter))
        .route("/queue/status", get(status))
        .with_state(Arc::new(Bare::new(config)?));
    let router = wrap(guard(router, &config.verifier, &[Service::Gateway]), INFO);
    let application = Application::bind(&config.server, router, Health::new(), Workers::new()).await?;
    Ok(Running::start(application))
}

async fn enter(
    State(bare): State<Arc<Bare>>,
    user: User,
    Json(which): Json<Which>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    reply(&which, bare.enter(user.id, which.event_id).await?)
}

async fn status(
    State(bare): State<Arc<Bare>>,
    user: User,
    Query(which): Query<Which>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    reply(&which, bare.status(user.id, which.event_id).await?)
}

/// As long as the service's, without the ticket's signature.
fn reply(which: &Which, (word, score, position, total, _, now): Place) -> ApiResult<(StatusCode, Json<Value>)> {
    if word != "WAITING" {
        return Err(Problem::new(Code::NotQueued));
    }
    let reply = json!({
        "eventId": which.event_id, "status": word, "position": position, "totalWaiting": total, "estimatedWaitSeconds": 1,
        "pollAfterSeconds": 2, "enteredAt": score, "queueToken": null, "tokenExpiresAt": null, "queueTicket": "x".repeat(280),
        "serverTime": now,
    });
    Ok((StatusCode::OK, Json(reply)))
}
