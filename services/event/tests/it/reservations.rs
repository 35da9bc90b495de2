//! The reservation service as far as the event service asks it: who has a claim, and closing.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
};
use test_support::Running;

#[derive(Default)]
pub(crate) struct Known {
    /// Events that somebody has a claim on.
    pub(crate) claimed: HashSet<String>,
    /// Events that are closed.
    pub(crate) closed: HashSet<String>,
    /// From which version on each event is sold.
    pub(crate) versions: HashMap<String, i64>,
    pub(crate) down: bool,
}

pub(crate) struct Reservations {
    running: Running,
    known: Arc<Mutex<Known>>,
}

impl Reservations {
    pub(crate) async fn start() -> Self {
        let known = Arc::<Mutex<Known>>::default();
        let router = Router::new()
            .route("/internal/reservations/exists/{event_id}", get(look).post(close))
            .route("/internal/reservations/exists/{event_id}/version", post(raise))
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

async fn look(State(known): Shared, Path(event): Path<String>) -> Response {
    answer(&known.lock().unwrap(), &event)
}

async fn close(State(known): Shared, Path(event): Path<String>) -> Response {
    let mut known = known.lock().unwrap();
    if !known.down && !known.claimed.contains(&event) {
        known.closed.insert(event.clone());
    }
    answer(&known, &event)
}

async fn raise(State(known): Shared, Path(event): Path<String>, Json(request): Json<Value>) -> Response {
    let mut known = known.lock().unwrap();
    if !known.down {
        let version = request["version"].as_i64().unwrap();
        known.versions.insert(event.clone(), version);
    }
    answer(&known, &event)
}

fn answer(known: &Known, event: &str) -> Response {
    if known.down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    Json(json!({"exists": known.claimed.contains(event), "closed": known.closed.contains(event)})).into_response()
}
