use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, TimeDelta, Utc};
use common::Clock;
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};
use test_support::Running;
use uuid::Uuid;

/// What event and reservation service say of an event.
#[derive(Clone)]
pub(crate) struct Facts {
    pub(crate) status: &'static str,
    pub(crate) sale_start_at: DateTime<Utc>,
    pub(crate) sale_end_at: DateTime<Utc>,
    /// `None`: the reservation service fails.
    pub(crate) unsold: Option<u32>,
    /// Who holds seats: user and grant.
    pub(crate) holders: Vec<(Uuid, String)>,
}

type Events = Arc<Mutex<HashMap<Uuid, Facts>>>;

/// Event and reservation service in one.
pub(crate) struct Neighbours {
    events: Events,
    running: Running,
}

impl Neighbours {
    pub(crate) async fn start() -> Self {
        let events = Events::default();
        let router = Router::new()
            .route("/internal/events/{id}", get(event))
            .route("/internal/reservations/availability/{id}", get(availability))
            .route("/internal/reservations/pending/{id}", get(pending))
            .with_state(Arc::clone(&events));
        Self {
            events,
            running: Running::serve(router).await,
        }
    }

    pub(crate) fn url(&self) -> String {
        self.running.url()
    }

    /// A new event on sale with many seats.
    pub(crate) fn event(&self) -> Uuid {
        let now = Clock::system().now();
        let facts = Facts {
            status: "ONGOING",
            sale_start_at: now - TimeDelta::hours(1),
            sale_end_at: now + TimeDelta::hours(1),
            unsold: Some(3000),
            holders: Vec::new(),
        };
        let event = Uuid::now_v7();
        self.events.lock().unwrap().insert(event, facts);
        event
    }

    /// There is no such event any more.
    pub(crate) fn delete(&self, event: Uuid) {
        self.events.lock().unwrap().remove(&event);
    }

    pub(crate) fn change(&self, event: Uuid, change: impl FnOnce(&mut Facts)) {
        change(self.events.lock().unwrap().get_mut(&event).unwrap());
    }
}

async fn event(State(events): State<Events>, Path(id): Path<Uuid>) -> Response {
    let Some(facts) = events.lock().unwrap().get(&id).cloned() else {
        return (StatusCode::NOT_FOUND, Json(json!({"code": "EVENT_NOT_FOUND"}))).into_response();
    };
    Json(json!({
        "eventId": id,
        "title": "Concert",
        "status": facts.status,
        "saleStartAt": facts.sale_start_at,
        "saleEndAt": facts.sale_end_at,
        "maxTicketsPerUser": 4,
    }))
    .into_response()
}

async fn availability(State(events): State<Events>, Path(id): Path<Uuid>) -> Response {
    let unsold = events.lock().unwrap().get(&id).and_then(|facts| facts.unsold);
    match unsold {
        Some(unsold) => {
            let total = unsold.max(3000);
            Json(json!({"eventId": id, "total": total, "sold": total - unsold, "unsold": unsold})).into_response()
        }
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// One holder per page; the cursor counts.
async fn pending(State(events): State<Events>, Path(id): Path<Uuid>, Query(after): Query<After>) -> Response {
    let facts = events.lock().unwrap().get(&id).cloned();
    let Some(Facts {
        unsold: Some(_),
        holders,
        ..
    }) = facts
    else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let expires = Clock::system().now() + TimeDelta::minutes(5);
    let page = usize::try_from(after.after.as_u128()).unwrap();
    let reservations: Vec<_> = holders
        .iter()
        .skip(page)
        .take(1)
        .map(|(user, grant)| json!({"userId": user, "grantId": grant, "holdExpiresAt": expires, "paying": false}))
        .collect();
    let next = (page + 1 < holders.len()).then(|| Uuid::from_u128(page as u128 + 1));
    Json(json!({"eventId": id, "reservations": reservations, "next": next})).into_response()
}

#[derive(serde::Deserialize)]
struct After {
    after: Uuid,
}
