//! The side no provider has: it plays the buyer, the operator and the weather (design.md §16). It asks for no
//! credential, and so belongs on machines where everybody may do everything.

mod cancel_by_hand;
mod faults;
mod force_status;
mod identity_verifications;
mod json;
mod ledger;
mod oauth;
mod send_webhook;
mod settle_cancellations;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post, put};

pub(crate) use self::json::ControlJson;
use crate::portone::window::open_window;
use crate::state::Simulators;

pub(crate) fn router(simulators: &Arc<Simulators>) -> Router {
    Router::new()
        .route("/identity-verifications", post(identity_verifications::create))
        .route("/portone/payments/{paymentId}/window", post(open_window))
        .route(
            "/portone/payments/{paymentId}/cancel",
            post(cancel_by_hand::cancel_by_hand),
        )
        .route(
            "/portone/payments/{paymentId}/cancellations",
            post(settle_cancellations::settle_cancellations),
        )
        .route("/portone/payments/{paymentId}/status", post(force_status::force_status))
        .route("/portone/webhooks", post(send_webhook::send_webhook))
        .route("/portone/ledger", get(ledger::ledger))
        .route("/oauth/{provider}/next-user", put(oauth::next_user))
        .route("/oauth/{provider}/rotate-keys", post(oauth::rotate_keys))
        .route("/faults", put(faults::set).delete(faults::clear))
        .with_state(Arc::clone(simulators))
}
