use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::PortoneError;
use crate::state::Simulators;

/// `Authorization: PortOne <API secret>`, checked before anything else.
pub(crate) async fn demand_secret(State(simulators): State<Arc<Simulators>>, request: Request, next: Next) -> Response {
    let presented = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("PortOne "));
    if presented != Some(simulators.config.portone_api_secret.as_str()) {
        return PortoneError::Unauthorized.into_response();
    }
    next.run(request).await
}

/// The store a request names must be the secret's; naming none means that one.
pub(crate) fn demand_store(simulators: &Simulators, store_id: Option<&str>) -> Result<(), PortoneError> {
    match store_id {
        Some(store_id) if store_id != simulators.config.portone_store_id => Err(PortoneError::Forbidden),
        _ => Ok(()),
    }
}
