use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::FailureReason;

/// Where a payment stands: PENDING → SUCCESS | FAILED, SUCCESS → REFUNDED, FAILED → REFUNDED only if a capture was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum PaymentStatus {
    /// Not decided yet.
    Pending,
    /// The money was captured.
    Success,
    /// No money was captured, or it goes back.
    Failed,
    /// The money went back.
    Refunded,
}

impl PaymentStatus {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
            Self::Refunded => "REFUNDED",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Success, Self::Failed, Self::Refunded]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum RefundStatus {
    /// It is due.
    Requested,
    /// PortOne was asked at least once.
    Processing,
    /// The whole amount went back.
    Succeeded,
    /// Given up after its deadline; an operator must see to it.
    Failed,
}

impl RefundStatus {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "REQUESTED",
            Self::Processing => "PROCESSING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Requested, Self::Processing, Self::Succeeded, Self::Failed]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// A row of `payments`.
#[derive(Clone, Debug)]
pub(crate) struct Payment {
    pub(crate) id: Uuid,
    pub(crate) reservation_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) payment_key: Uuid,
    pub(crate) status: PaymentStatus,
    /// Text, because a newer release may have written a reason that this one does not know.
    pub(crate) failure_reason: Option<String>,
    /// Won.
    pub(crate) amount: i64,
    pub(crate) concert_id: Uuid,
    pub(crate) seat_ids: Vec<Uuid>,
    pub(crate) reservation_version: i64,
    pub(crate) grant_id: Option<String>,
    pub(crate) order_name: String,
    /// When PortOne acknowledged the amount.
    pub(crate) registered_at: Option<DateTime<Utc>>,
    /// When the one confirm that may charge began.
    pub(crate) confirm_started_at: Option<DateTime<Utc>>,
    /// When the reservation service had locked the reservation for it.
    pub(crate) locked_at: Option<DateTime<Utc>>,
    /// Whether PortOne took the money.
    pub(crate) captured: bool,
    pub(crate) paid_at: Option<DateTime<Utc>>,
    pub(crate) portone_transaction_id: Option<String>,
}

#[cfg(test)]
impl Payment {
    /// A pending payment of which nothing has happened yet.
    pub(crate) fn sample(amount: i64) -> Self {
        Self {
            id: Uuid::nil(),
            reservation_id: Uuid::nil(),
            user_id: Uuid::nil(),
            payment_key: Uuid::nil(),
            status: PaymentStatus::Pending,
            failure_reason: None,
            amount,
            concert_id: Uuid::nil(),
            seat_ids: Vec::new(),
            reservation_version: 1,
            grant_id: None,
            order_name: String::new(),
            registered_at: None,
            confirm_started_at: None,
            locked_at: None,
            captured: false,
            paid_at: None,
            portone_transaction_id: None,
        }
    }
}

impl Payment {
    /// Whether it ended for that reason.
    pub(crate) fn failed_for(&self, reason: FailureReason) -> bool {
        self.status == PaymentStatus::Failed && self.failure_reason.as_deref() == Some(reason.as_str())
    }
}

/// A payment's id at PortOne: ours without hyphens, 32 hex digits, which fits the limits of every payment gateway behind
/// it (external-apis.md §B.9).
pub(crate) fn portone_id(payment: Uuid) -> String {
    payment.simple().to_string()
}

/// Our id behind PortOne's, if it is one of ours.
pub(crate) fn portone_id_to_uuid(portone_id: &str) -> Option<Uuid> {
    Uuid::try_parse(portone_id)
        .ok()
        .filter(|id| id.simple().to_string() == portone_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_at_portone_is_32_hex_digits_and_leads_back() {
        let id = Uuid::now_v7();
        let text = portone_id(id);
        assert!(text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_eq!(portone_id_to_uuid(&text), Some(id));
        assert_eq!(portone_id_to_uuid(&id.to_string()), None);
        assert_eq!(portone_id_to_uuid("pay0001"), None);
    }
}
