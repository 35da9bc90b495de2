use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, TimeDelta, Utc};
use common::{
    Clock,
    config::ServerConfig,
    health::Health,
    lifecycle::{Application, Workers},
};
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
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
            .with_state(Arc::clone(&events));
        let config = ServerConfig {
            host: "127.0.0.1".to_owned(),
            port: 0,
            shutdown_grace: Duration::from_secs(1),
        };
        let application = Application::bind(&config, router, Health::new(), Workers::new())
            .await
            .unwrap();
        Self {
            events,
            running: Running::start(application),
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
        };
        let event = Uuid::now_v7();
        self.events.lock().unwrap().insert(event, facts);
        event
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
            Json(json!({"eventId": id, "total": 3000, "sold": 3000 - unsold, "unsold": unsold})).into_response()
        }
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
