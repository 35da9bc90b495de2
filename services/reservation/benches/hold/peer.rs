//! The peer as a service: the same HTTP server, credential, calls to its neighbours and transaction as the reservation
//! service has, with [`SeatLocks`] in place of the script.

use crate::locks::SeatLocks;
use anyhow::Context as _;
use axum::{Router, extract::State, http::StatusCode, routing::post};
use common::{
    client::ServiceClient,
    extract::Json,
    health::Health,
    http::{ServiceInfo, wrap},
    identity::User,
    internal_auth::{Service, guard},
    lifecycle::{Application, Workers},
    problem::{ApiResult, Code, Problem},
};
use reservation_service::{Config, measured::HoldTransaction};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use test_support::Running;
use uuid::Uuid;

const INFO: ServiceInfo = ServiceInfo {
    name: "peer",
    title: "A lock per seat",
};

struct Peer {
    queue: ServiceClient,
    locks: SeatLocks,
    transaction: HoldTransaction,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Request {
    event_id: Uuid,
    seat_ids: Vec<Uuid>,
}

pub(crate) async fn start(config: &Config, locks: SeatLocks, transaction: HoldTransaction) -> anyhow::Result<Running> {
    let key = config.neighbours.key.clone();
    let peer = Arc::new(Peer {
        queue: ServiceClient::new("queue-service", &config.neighbours.queue_url, key, config.clock.clone())?,
        locks,
        transaction,
    });
    let router = Router::new().route(crate::client::PATH, post(hold)).with_state(peer);
    let router = wrap(guard(router, &config.verifier, &[Service::Gateway]), INFO);
    let application = Application::bind(&config.server, router, Health::new(), Workers::new())
        .await
        .context("the peer does not start")?;
    Ok(Running::start(application))
}

async fn hold(
    State(peer): State<Arc<Peer>>,
    user: User,
    Json(request): Json<Request>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    let token = json!({"token": "qr_good", "type": "RESERVATION", "userId": user.id, "eventId": request.event_id});
    let validation: Value = peer.queue.post("/internal/queue/tokens/validate", &token).await?;
    if validation["valid"] != true {
        return Err(Problem::new(Code::QueueTokenInvalid));
    }
    let mut seat_ids = request.seat_ids;
    seat_ids.sort_unstable();
    let reservation_id = Uuid::now_v7();
    let held = peer.locks.hold(reservation_id, user.id, &seat_ids).await?
        && peer.transaction.run(reservation_id, user.id, &seat_ids).await?;
    peer.locks.unlock(reservation_id, &seat_ids).await?;
    if !held {
        return Err(Problem::new(Code::SeatUnavailable));
    }
    let issue = json!({"userId": user.id, "eventId": request.event_id, "reservationId": reservation_id});
    let token: Value = peer.queue.post("/internal/queue/payment-tokens", &issue).await?;
    let seats: Vec<Value> = seat_ids
        .iter()
        .map(|id| json!({"seatId": id, "seatNumber": "A-12", "grade": "VIP", "price": 150_000}))
        .collect();
    let reply = json!({
        "reservationId": reservation_id,
        "eventId": request.event_id,
        "status": "PENDING",
        "seats": seats,
        "totalAmount": 600_000,
        "paymentToken": token["paymentToken"],
    });
    Ok((StatusCode::CREATED, Json(reply)))
}
