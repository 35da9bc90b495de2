//! PortOne V2 as its one customer sees it: a single store with a single test card channel, in manual approval mode.
//!
//! A payment's life. The server pre-registers the amount; the buyer's window (a control call) authorises it and yields
//! a payment token, at which point nothing has been charged; the server's confirm with that token charges; cancels
//! give the money back, in whole or in part, at once or only later. GET knows a payment from its first window on. Every change is announced
//! by a signed webhook that carries no amount and no status, so that whoever receives it has to ask.
//!
//! Requests pass, outermost first: authorisation, detachment from the connection, the idempotency key, and per
//! operation the faults.

pub(crate) mod authorization;
pub(crate) mod cancel;
pub(crate) mod cancellation;
mod confirm;
pub(crate) mod courier;
mod error;
pub(crate) mod get;
pub(crate) mod idempotency;
mod json;
mod list;
pub(crate) mod payment;
mod pre_register;
mod resend_webhook;
pub(crate) mod signing;
pub(crate) mod store;
mod webhook_log;
pub(crate) mod webhooks;
pub(crate) mod window;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

pub(crate) use self::error::PortoneError;
use crate::faults::{Operation, strike_operation};
use crate::identity;
use crate::state::Simulators;

pub(crate) fn router(simulators: &Arc<Simulators>) -> Router {
    let with_faults = |operation, route: MethodRouter<Arc<Simulators>>| {
        route.layer(from_fn_with_state(
            (Arc::clone(simulators), operation),
            strike_operation,
        ))
    };
    Router::new()
        .route(
            "/payments/{paymentId}/pre-register",
            with_faults(Operation::PreRegister, post(pre_register::pre_register)),
        )
        .route(
            "/payments/{paymentId}",
            with_faults(Operation::Get, get(get::get_payment)),
        )
        .route("/payments", with_faults(Operation::Get, get(list::list_payments)))
        .route(
            "/payments/{paymentId}/resend-webhook",
            post(resend_webhook::resend_webhook),
        )
        .route(
            "/payments/{paymentId}/confirm",
            with_faults(Operation::Confirm, post(confirm::confirm)),
        )
        .route(
            "/payments/{paymentId}/cancel",
            with_faults(Operation::Cancel, post(cancel::cancel)),
        )
        .merge(identity::router(simulators))
        .fallback(async || PortoneError::NoSuchRoute)
        .layer(from_fn_with_state(Arc::clone(simulators), idempotency::answer_once))
        .layer(from_fn_with_state(Arc::clone(simulators), finish_without_the_caller))
        .layer(from_fn_with_state(Arc::clone(simulators), authorization::demand_secret))
        .with_state(Arc::clone(simulators))
}

/// Lets a request run to its end though its caller hang up: a dropped client does not stop a PortOne operation.
async fn finish_without_the_caller(
    State(simulators): State<Arc<Simulators>>,
    request: Request,
    next: Next,
) -> Response {
    match simulators.detached.spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "a request ended without a response");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
