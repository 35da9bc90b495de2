use super::{ClientOrigin, OwnState};
use crate::steps::authenticate::bearer;
use axum::{Extension, extract::State};
use common::{
    crypto,
    problem::{ApiResult, Code, Problem},
    telemetry,
};
use http::{HeaderMap, header};
use secrecy::ExposeSecret;
use std::sync::Arc;

/// The metrics of this process, for scrapers from inside or with the token. To anybody else there is nothing here.
pub(super) async fn show(
    State(state): State<Arc<OwnState>>,
    Extension(origin): Extension<ClientOrigin>,
    headers: HeaderMap,
) -> ApiResult<String> {
    let presented = headers.get(header::AUTHORIZATION).and_then(bearer);
    let has_token = state
        .metrics_token
        .as_ref()
        .zip(presented)
        .is_some_and(|(token, presented)| crypto::constant_time_eq(token.expose_secret().as_bytes(), presented));
    if origin.is_inside || has_token {
        Ok(telemetry::render())
    } else {
        Err(Problem::new(Code::NotFound))
    }
}
