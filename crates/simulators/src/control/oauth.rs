use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::ControlJson;
use super::json::BadControl;
use crate::oauth::{OauthProvider, Person};
use crate::state::Simulators;

/// `PUT /control/oauth/{provider}/next-user`: who is in front of the provider's page from now on.
pub(crate) async fn next_user(
    State(simulators): State<Arc<Simulators>>,
    Path(provider): Path<OauthProvider>,
    ControlJson(person): ControlJson<Person>,
) -> Result<StatusCode, BadControl> {
    person.check(provider).map_err(|wrong| BadControl(wrong.to_owned()))?;
    simulators.oauth.set_next_user(provider, person);
    Ok(StatusCode::NO_CONTENT)
}

/// Whether tokens that are signed already stay good.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateRequest {
    /// The former key stays published beside the new one; by default it does.
    #[serde(default = "yes")]
    overlap: bool,
}

const fn yes() -> bool {
    true
}

#[derive(Serialize)]
pub(crate) struct RotateReply {
    kid: String,
}

/// `POST /control/oauth/{provider}/rotate-keys`: the provider signs with a new key from now on.
pub(crate) async fn rotate_keys(
    State(simulators): State<Arc<Simulators>>,
    Path(provider): Path<OauthProvider>,
    ControlJson(request): ControlJson<RotateRequest>,
) -> Json<RotateReply> {
    let kid = simulators.oauth.keys(provider).rotate(request.overlap);
    Json(RotateReply { kid })
}
