use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};
use test_support::Running;
use uuid::Uuid;

/// What a token must be for the queue service to know it.
pub(crate) const GOOD_TOKEN: &str = "qr_good";

/// What the other services know.
pub(crate) struct Known {
    pub(crate) event: Event,
    /// Outcomes by payment.
    pub(crate) payments: HashMap<Uuid, Value>,
    pub(crate) queue_down: bool,
    pub(crate) payment_tokens_down: bool,
    /// What the payment service was told of changed reservations, newest last.
    pub(crate) reservations_changed: Vec<(Uuid, Value)>,
    pub(crate) payments_down: bool,
    /// Requests for a payment token, newest last.
    pub(crate) tokens_issued: Vec<Value>,
    pub(crate) catalogue_reads: usize,
    pub(crate) catalogue_down: bool,
    /// Whether the event service takes requests and never answers.
    pub(crate) catalogue_hangs: bool,
}

/// The one event there is.
#[derive(Clone)]
pub(crate) struct Event {
    pub(crate) id: Uuid,
    pub(crate) version: i64,
    pub(crate) status: &'static str,
    pub(crate) sale_start_at: DateTime<Utc>,
    pub(crate) sale_end_at: DateTime<Utc>,
    pub(crate) event_start_at: DateTime<Utc>,
    pub(crate) seats: Vec<Uuid>,
    pub(crate) price: i64,
}

/// The neighbours' server.
pub(crate) struct Neighbours {
    running: Running,
    known: Arc<Mutex<Known>>,
}

impl Neighbours {
    pub(crate) async fn start(seats: u128) -> Self {
        let now = common::Clock::system().now();
        let event = Event {
            id: Uuid::now_v7(),
            version: 1,
            status: "ONGOING",
            sale_start_at: now - TimeDelta::hours(1),
            sale_end_at: now + TimeDelta::days(29),
            event_start_at: now + TimeDelta::days(30),
            seats: (1..=seats).map(Uuid::from_u128).collect(),
            price: 150_000,
        };
        let known = Arc::new(Mutex::new(Known {
            event,
            payments: HashMap::new(),
            queue_down: false,
            payment_tokens_down: false,
            reservations_changed: Vec::new(),
            payments_down: false,
            tokens_issued: Vec::new(),
            catalogue_reads: 0,
            catalogue_down: false,
            catalogue_hangs: false,
        }));
        let router = Router::new()
            .route("/internal/events/{id}/seats", get(event_seats))
            .route("/internal/queue/tokens/validate", post(validate))
            .route("/internal/queue/payment-tokens", post(payment_token))
            .route("/internal/payments/{id}/outcome", get(outcome))
            .route(
                "/internal/payments/reservations/{id}/changed",
                post(reservation_changed),
            )
            .with_state(Arc::clone(&known));
        Self {
            running: Running::serve(router).await,
            known,
        }
    }

    pub(crate) fn url(&self) -> String {
        self.running.url()
    }

    /// What they know, to look at or change.
    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap()
    }
}

type Shared = State<Arc<Mutex<Known>>>;

fn problem(status: StatusCode, code: &str) -> Response {
    (status, Json(json!({"code": code}))).into_response()
}

async fn event_seats(State(known): Shared, Path(id): Path<Uuid>) -> Response {
    let (event, down, hangs) = {
        let mut known = known.lock().unwrap();
        known.catalogue_reads += 1;
        (known.event.clone(), known.catalogue_down, known.catalogue_hangs)
    };
    if hangs {
        std::future::pending::<()>().await;
    }
    if down {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE");
    }
    if id != event.id {
        return problem(StatusCode::NOT_FOUND, "EVENT_NOT_FOUND");
    }
    let seat = |(n, id): (usize, &Uuid)| json!({"id": id, "seatNumber": format!("A-{}", n + 1), "grade": "VIP", "price": event.price});
    let seats: Vec<Value> = event.seats.iter().enumerate().map(seat).collect();
    let body = json!({
        "eventId": id,
        "title": "겨울 콘서트",
        "artist": "The Band",
        "venueName": "Olympic Hall",
        "hallName": "Main",
        "status": event.status,
        "saleStartAt": event.sale_start_at,
        "saleEndAt": event.sale_end_at,
        "eventStartAt": event.event_start_at,
        "eventEndAt": event.event_start_at + TimeDelta::hours(2),
        "maxTicketsPerUser": 4,
        "version": event.version,
        "readAt": common::Clock::system().now(),
        "seats": seats,
    });
    Json(body).into_response()
}

async fn validate(State(known): Shared, Json(request): Json<Value>) -> Response {
    let known = known.lock().unwrap();
    if known.queue_down {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE");
    }
    let valid = request["token"] == GOOD_TOKEN
        && request["type"] == "RESERVATION"
        && request["eventId"] == known.event.id.to_string();
    let grant = valid.then(|| format!("grant-of-{}", request["userId"].as_str().unwrap()));
    Json(json!({"valid": valid, "grantId": grant, "expiresAt": known.event.sale_end_at})).into_response()
}

async fn payment_token(State(known): Shared, Json(request): Json<Value>) -> Response {
    let mut known = known.lock().unwrap();
    if known.payment_tokens_down {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE");
    }
    known.tokens_issued.push(request);
    let token = format!("qp_{}", Uuid::now_v7().simple());
    let body = json!({"paymentToken": token, "expiresAt": known.event.sale_end_at});
    (StatusCode::CREATED, Json(body)).into_response()
}

async fn outcome(State(known): Shared, Path(id): Path<Uuid>) -> Response {
    match known.lock().unwrap().payments.get(&id) {
        Some(outcome) => Json(outcome.clone()).into_response(),
        None => problem(StatusCode::NOT_FOUND, "NOT_FOUND"),
    }
}

async fn reservation_changed(State(known): Shared, Path(id): Path<Uuid>, Json(change): Json<Value>) -> Response {
    let mut known = known.lock().unwrap();
    if known.payments_down {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE");
    }
    known.reservations_changed.push((id, change));
    StatusCode::NO_CONTENT.into_response()
}
