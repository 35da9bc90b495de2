use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::ControlJson;
use super::json::BadControl;
use crate::faults::Faults;
use crate::state::Simulators;

/// `PUT /control/faults`: replaces all faults, and answers with those in force and their seed.
pub(crate) async fn set(
    State(simulators): State<Arc<Simulators>>,
    ControlJson(faults): ControlJson<Faults>,
) -> Result<Json<Faults>, BadControl> {
    faults.check().map_err(BadControl)?;
    let in_force = simulators.faults.set(faults);
    tracing::info!(faults = ?in_force, "faults are switched on");
    Ok(Json(in_force))
}

/// `DELETE /control/faults`: from now on everything works. What is already delayed stays delayed.
pub(crate) async fn clear(State(simulators): State<Arc<Simulators>>) -> StatusCode {
    simulators.faults.set(Faults::default());
    tracing::info!("faults are switched off");
    StatusCode::NO_CONTENT
}
