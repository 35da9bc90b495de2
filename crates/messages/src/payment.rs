//! What the payment service says.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Aggregate, Message, Topic};

/// The money was captured. For the reservation service (confirm) and the event service (sold).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentSuccess {
    /// Our payment.
    pub payment_id: Uuid,
    /// What was paid for.
    pub reservation_id: Uuid,
    /// Who paid.
    pub user_id: Uuid,
    /// The concert.
    pub concert_id: Uuid,
    /// The seats paid for.
    pub seat_ids: Vec<Uuid>,
    /// Won.
    pub amount: i64,
    /// `KRW`.
    pub currency: String,
    /// The client's key of this payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_key: Option<String>,
    /// PortOne's transaction, opaque text.
    pub portone_transaction_id: String,
    /// When PortOne captured it.
    pub paid_at: DateTime<Utc>,
    /// The reservation as it was when locked for this payment.
    pub reservation_version: i64,
    /// The queue's grant under which the seats were held; opaque to all but the queue service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
}

/// The payment ended without a capture. For the reservation service, which cancels if this payment holds its lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentFailed {
    /// Our payment.
    pub payment_id: Uuid,
    /// What was to be paid.
    pub reservation_id: Uuid,
    /// Who was to pay.
    pub user_id: Uuid,
    /// The concert.
    pub concert_id: Uuid,
    /// The seats.
    pub seat_ids: Vec<Uuid>,
    /// Won.
    pub amount: i64,
    /// The client's key of this payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_key: Option<String>,
    /// A stable code, for people and metrics: `DECLINED`, `LOCK_REFUSED`, ….
    pub failure_reason: String,
    /// When it was found to have failed.
    pub failed_at: DateTime<Utc>,
    /// Whether the payment service was told that it holds the reservation's lock. The reservation's own row decides.
    #[serde(default)]
    pub holds_lock: bool,
    /// The reservation as it was when locked or looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation_version: Option<i64>,
    /// The queue's grant, opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
}

/// The money went back. For the reservation service, which shows it to the buyer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRefunded {
    /// Our payment.
    pub payment_id: Uuid,
    /// What had been paid for.
    pub reservation_id: Uuid,
    /// Who gets it back.
    pub user_id: Uuid,
    /// The concert.
    pub concert_id: Uuid,
    /// The seats.
    pub seat_ids: Vec<Uuid>,
    /// Won, always the whole amount.
    pub amount: i64,
    /// A stable code: why it was refunded.
    pub reason: String,
    /// When we asked for it; absent for a refund by hand at PortOne.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<DateTime<Utc>>,
    /// When PortOne had done it.
    pub refunded_at: DateTime<Utc>,
    /// The reservation as it was when paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation_version: Option<i64>,
    /// The queue's grant, opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
}

/// The money was given back behind our back, so the reservation must go: `CANCELLED{COMPENSATED}`, never refunded again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompensateReservation {
    /// Our payment.
    pub payment_id: Uuid,
    /// What is to be cancelled.
    pub reservation_id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// The concert.
    pub concert_id: Uuid,
    /// The seats.
    pub seat_ids: Vec<Uuid>,
    /// Won.
    pub amount: i64,
    /// A stable code: `REFUNDED_AT_PORTONE`, ….
    pub reason: String,
    /// When we found out.
    pub requested_at: DateTime<Utc>,
    /// The reservation as it was when paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation_version: Option<i64>,
    /// The queue's grant, opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
}

/// All four are about a payment, are keyed by its reservation and concern its buyer.
macro_rules! payment_message {
    ($message:ident, $topic:ident) => {
        impl Message for $message {
            const TYPE: &'static str = stringify!($message);
            const TOPIC: Topic = Topic::$topic;
            const AGGREGATE: Aggregate = Aggregate::Payment;

            fn aggregate_id(&self) -> Uuid {
                self.payment_id
            }

            fn key(&self) -> Uuid {
                self.reservation_id
            }

            fn user_id(&self) -> Option<Uuid> {
                Some(self.user_id)
            }
        }
    };
}

payment_message!(PaymentSuccess, PaymentEvents);
payment_message!(PaymentFailed, PaymentEvents);
payment_message!(PaymentRefunded, PaymentEvents);
payment_message!(CompensateReservation, CompensationEvents);
