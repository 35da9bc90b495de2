//! Stand-ins for the third parties the ticketing system talks to: PortOne V2 (payments and identity verification),
//! reCAPTCHA v2, and Kakao, Naver and Google, with which people sign in (design.md §16).
//!
//! Each speaks its provider's protocol under its own base path, so that a service is pointed at it by configuration
//! alone. What a human or an outage would do in the real world is done through `/control`:
//!
//! | path | stands for |
//! |---|---|
//! | `/portone/payments/…` | PortOne's payment API with manual approval |
//! | `/portone/identity-verifications/…` | PortOne's identity verification |
//! | `/recaptcha/siteverify` | Google's token check |
//! | `/kakao/…`, `/naver/…`, `/google/…` | the providers' OAuth 2 and OpenID Connect endpoints |
//! | `/control/…` | the buyer's payment window, the PortOne console, the ledger, faults |
//!
//! A simulator is a third party: it shares no code with the services, keeps its own books, and trusts nothing they
//! say about themselves.

mod clock;
mod config;
mod control;
mod faults;
mod identity;
mod journal;
mod oauth;
mod portone;
mod recaptcha;
mod server;
mod state;
mod vars;

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

pub use crate::clock::Clock;
pub use crate::config::{OauthClient, SimulatorConfig};
pub use crate::portone::signing::{SigningKey, webhook_signature};
use crate::state::Simulators;
pub use crate::vars::Vars;

/// Answers on `listener` and delivers webhooks until `shutdown` completes.
///
/// Fails when a webhook secret cannot be decoded or the state file cannot be read.
pub async fn serve<F>(listener: TcpListener, config: SimulatorConfig, shutdown: F) -> anyhow::Result<()>
where
    F: Future<Output = ()>,
{
    let (simulators, courier) = Simulators::start(config)?;
    let router = router(&simulators);
    tokio::select! {
        () = server::answer_until(listener, router, shutdown) => {}
        () = courier.deliver_forever() => {}
    }
    Ok(())
}

fn router(simulators: &Arc<Simulators>) -> Router {
    Router::new()
        .nest("/portone", portone::router(simulators))
        .merge(recaptcha::router(simulators))
        .merge(oauth::router(simulators))
        .nest("/control", control::router(simulators))
        .route(
            "/health/live",
            get(async || Json(serde_json::json!({ "status": "UP" }))),
        )
}
