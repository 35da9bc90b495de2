//! Whether the gateway serves, and what of the services behind it.
//!
//! A service that is down makes the gateway `DEGRADED`, not unready: taking it out of the load balancer would turn the outage
//! of one service into that of all. Only a gateway that is shutting down is `DOWN`.

use super::OwnState;
use crate::{
    proxy::{Backend, Proxy},
    steps::security_headers::PAGE_POLICY,
};
use axum::{
    Json,
    extract::State,
    response::{Html, IntoResponse},
};
use common::{health::Health, redis::Redis};
use http::{StatusCode, header};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;
use utoipa::ToSchema;

/// Anybody may ask, so all who ask within this time share one round of questions to the services.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// That the process runs.
#[derive(Serialize, ToSchema)]
pub(crate) struct Live {
    /// Always `UP`.
    status: &'static str,
}

/// What the gateway can do at present.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct GatewayStatus {
    /// `UP`; `DEGRADED` while something behind the gateway is down; `DOWN` while it shuts down.
    status: &'static str,
    /// `UP` or `DOWN` for Redis and each service.
    checks: BTreeMap<&'static str, &'static str>,
}

/// Looks at everything behind the gateway.
pub(crate) struct Readiness {
    health: Health,
    last: Mutex<Option<(Instant, GatewayStatus)>>,
}

impl Readiness {
    /// Of these services and Redis. The same [`Health`] tells when the process shuts down.
    pub(crate) fn new(redis: &Redis, proxy: &Arc<Proxy>) -> Self {
        let health = Backend::ALL
            .into_iter()
            .fold(Health::new().with_redis(redis), |health, backend| {
                let proxy = Arc::clone(proxy);
                health.with(backend.service_name(), move || {
                    let proxy = Arc::clone(&proxy);
                    async move {
                        let status = proxy.get(backend, "/health/ready").await?.status();
                        anyhow::ensure!(status.is_success(), "it answers {status}");
                        Ok(())
                    }
                })
            });
        Self {
            health,
            last: Mutex::default(),
        }
    }

    /// To be told when the process shuts down.
    pub(crate) fn health(&self) -> Health {
        self.health.clone()
    }

    /// What is up.
    pub(super) async fn status(&self) -> GatewayStatus {
        let mut last = self.last.lock().await;
        match &*last {
            Some((at, status)) if at.elapsed() < FRESH_FOR => status.clone(),
            _ => {
                let readiness = self.health.readiness().await;
                let all_up = readiness.checks.values().all(|state| *state == "UP");
                let status = match (readiness.status, all_up) {
                    ("UP", _) => "UP",
                    (_, false) => "DEGRADED",
                    // Everything is up and yet it says no: it was told to drain.
                    (_, true) => "DOWN",
                };
                let status = GatewayStatus {
                    status,
                    checks: readiness.checks,
                };
                *last = Some((Instant::now(), status.clone()));
                status
            }
        }
    }
}

/// Whether the process runs.
#[utoipa::path(get, path = "/health/live", tag = "gateway", responses((status = 200, body = Live)))]
pub(super) async fn live() -> Json<Live> {
    Json(Live { status: "UP" })
}

/// Whether requests are welcome, and what is up behind the gateway.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "gateway",
    responses(
        (status = 200, body = GatewayStatus, description = "It serves; `DEGRADED` if some service is down"),
        (status = 503, body = GatewayStatus, description = "It shuts down"),
    )
)]
pub(super) async fn ready(State(state): State<Arc<OwnState>>) -> (StatusCode, Json<GatewayStatus>) {
    let status = state.readiness.status().await;
    let code = if status.status == "DOWN" {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    (code, Json(status))
}

/// The same for people.
pub(super) async fn page(State(state): State<Arc<OwnState>>) -> impl IntoResponse {
    let status = state.readiness.status().await;
    let rows: String = status
        .checks
        .iter()
        .map(|(name, state)| format!("<tr><th scope=\"row\">{name}</th><td class=\"{state}\">{state}</td></tr>"))
        .collect();
    let page = include_str!("../../assets/status.html")
        .replace("{{status}}", status.status)
        .replace("{{rows}}", &rows);
    (
        [(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)],
        [(header::CACHE_CONTROL, "no-store")],
        Html(page),
    )
}
