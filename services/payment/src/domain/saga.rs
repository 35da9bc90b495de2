use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far a booking's saga has come (design.md §8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SagaStep {
    /// A payment was begun.
    Started,
    /// The payment ended without a capture. The buyer may begin another one.
    Failed,
    /// Captured; the reservation service has not said what became of the reservation.
    Paid,
    /// The reservation is confirmed: done.
    Confirmed,
    /// The money is on its way back.
    Refunding,
    /// The money went back: done.
    Refunded,
    /// The money went back at PortOne and the reservation service was told: done.
    Compensated,
}

impl SagaStep {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "STARTED",
            Self::Failed => "FAILED",
            Self::Paid => "PAID",
            Self::Confirmed => "CONFIRMED",
            Self::Refunding => "REFUNDING",
            Self::Refunded => "REFUNDED",
            Self::Compensated => "COMPENSATED",
        }
    }
}

/// The reservation's state, as its own service last told us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ReservationStatus {
    /// Held, not paid.
    Pending,
    /// Sold.
    Confirmed,
    /// Over.
    Cancelled,
}

impl ReservationStatus {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Confirmed => "CONFIRMED",
            Self::Cancelled => "CANCELLED",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Confirmed, Self::Cancelled]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}
