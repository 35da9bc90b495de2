use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;

use super::ControlJson;
use crate::portone::PortoneError;
use crate::portone::cancel::{Announced, CancelReply};
use crate::portone::cancellation::{Pace, Refund, Settled, Trigger};
use crate::state::Simulators;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CancelByHandRequest {
    amount: Option<i64>,
    /// So long the payment gateway takes for it; until then it is REQUESTED. Without it the money goes back at once.
    requested_for_ms: Option<u64>,
}

/// `POST /control/portone/payments/{paymentId}/cancel`: somebody gives the money back in PortOne's console, and the
/// server learns of it by webhook only.
pub(crate) async fn cancel_by_hand(
    State(simulators): State<Arc<Simulators>>,
    Path(payment_id): Path<String>,
    ControlJson(request): ControlJson<CancelByHandRequest>,
) -> Result<Json<CancelReply>, PortoneError> {
    let refund = Refund {
        amount: request.amount,
        reason: "cancelled in the console".to_owned(),
        pace: request.requested_for_ms.map_or(Pace::AtOnce, |millis| {
            Pace::Later(Duration::from_millis(millis), Settled::Succeeded)
        }),
        ..Refund::default()
    };
    simulators
        .give_back(&payment_id, refund, Trigger::Console, Announced::Yes)
        .await
        .map(Json)
}
