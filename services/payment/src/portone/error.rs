use super::payment::open_enum;
use serde::{Deserialize, Serialize};
use std::time::Duration;

open_enum! {
    /// The `type` of a refusal (external-apis.md §B.3), as far as we tell them apart.
    Refusal {
        /// The payment token is not the one of the buyer's last window.
        InvalidPaymentToken = "INVALID_PAYMENT_TOKEN",
        /// The facts sent with the token differ from what the buyer authorised.
        InformationMismatch = "INFORMATION_MISMATCH",
        /// The payment gateway behind PortOne refused; a GET tells what came of it.
        PgProvider = "PG_PROVIDER",
        /// The money was captured before.
        AlreadyPaid = "ALREADY_PAID",
        /// The first request with this idempotency key still runs.
        RequestInFlight = "IDEMPOTENCY_OUTSTANDING_REQUEST",
        /// PortOne knows no such payment.
        PaymentNotFound = "PAYMENT_NOT_FOUND",
        /// There is nothing to give back any more.
        PaymentAlreadyCancelled = "PAYMENT_ALREADY_CANCELLED",
        /// Another amount can be given back than we think.
        CancellableAmountConsistencyBroken = "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN",
    }
}

/// Why a call of PortOne gave no result. The first two are certain to have had no effect, the third is not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PortoneError {
    /// Nothing was sent, because PortOne keeps failing.
    #[error("the circuit of PortOne is open")]
    CircuitOpen {
        /// When to come back.
        retry_after: Duration,
    },
    /// Nothing was sent, because no connection came about.
    #[error("PortOne cannot be reached: {reason}")]
    Unreachable {
        /// What happened.
        reason: String,
    },
    /// It was sent, and nothing usable came back. Whether it took effect is unknown.
    #[error("PortOne did not answer: {reason}")]
    NoAnswer {
        /// What happened.
        reason: String,
    },
    /// PortOne said no.
    #[error("PortOne refused with status {status}: {refusal:?}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Why.
        refusal: Refusal,
        /// The payment gateway's own code, if it was the one to refuse.
        pg_code: Option<String>,
    },
}

impl PortoneError {
    /// Whether it is certain that PortOne never saw the call.
    pub(crate) fn was_not_sent(&self) -> bool {
        matches!(self, Self::CircuitOpen { .. } | Self::Unreachable { .. })
    }

    /// Why PortOne refused, if it did.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}

/// The body of a refusal.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorBody {
    #[serde(rename = "type")]
    pub(super) refusal: Refusal,
    #[serde(default)]
    pub(super) pg_code: Option<String>,
}
