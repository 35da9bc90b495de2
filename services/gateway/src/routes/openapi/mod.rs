//! One document for the whole API, made of those that the services serve about themselves.

pub(super) mod documents;
mod gateway_rules;
mod merge;

use super::OwnState;
use axum::{extract::State, response::IntoResponse};
use http::header;
use std::sync::Arc;

/// The merged document.
pub(super) async fn show(State(state): State<Arc<OwnState>>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "application/json")],
        state.documents.merged().await,
    )
}
