//! What PortOne says of a payment (external-apis.md §B.5). PortOne adds fields and values without notice, so only what we
//! judge by is read, and every enumeration has a place for what we do not know.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Defines an enumeration that takes any text.
macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub(crate) enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// One that this release does not know.
            Other(String),
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                match text.as_str() { $($text => Self::$variant,)+ _ => Self::Other(text) }
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                match value { $($name::$variant => $text.to_owned(),)+ $name::Other(text) => text }
            }
        }
    };
}
pub(super) use open_enum;

open_enum! {
    /// A payment's state at PortOne.
    PortoneStatus {
        /// The window was opened; nothing is charged.
        Ready = "READY",
        /// The payment gateway is still at it.
        PayPending = "PAY_PENDING",
        /// Waits for a transfer.
        VirtualAccountIssued = "VIRTUAL_ACCOUNT_ISSUED",
        /// Captured.
        Paid = "PAID",
        /// Refused.
        Failed = "FAILED",
        /// Captured, and given back in part.
        PartialCancelled = "PARTIAL_CANCELLED",
        /// Captured, and given back.
        Cancelled = "CANCELLED",
    }
}

impl PortoneStatus {
    /// Whether money was taken, wherever it is now.
    pub(crate) fn is_captured(&self) -> bool {
        matches!(self, Self::Paid | Self::PartialCancelled | Self::Cancelled)
    }
}

open_enum! {
    /// Whether a channel moves real money.
    ChannelKind {
        /// It does.
        Live = "LIVE",
        /// It does not, or gives it back at night.
        Test = "TEST",
    }
}

open_enum! {
    /// How far a cancellation is.
    CancellationStatus {
        /// The money went back.
        Succeeded = "SUCCEEDED",
        /// It will, or not; a later look tells.
        Requested = "REQUESTED",
        /// It did not.
        Failed = "FAILED",
    }
}

impl CancellationStatus {
    /// Whether this release does not know it.
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self, Self::Other(_))
    }
}

/// A payment at PortOne. Serialised, it is what we keep of PortOne's answer: no customer, no card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PortonePayment {
    pub(crate) status: PortoneStatus,
    pub(crate) id: String,
    pub(crate) transaction_id: String,
    pub(crate) store_id: String,
    pub(crate) amount: Amount,
    pub(crate) currency: String,
    /// Absent while READY and FAILED.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) channel: Option<Channel>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) paid_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cancelled_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status_changed_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pg_tx_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<Failure>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) cancellations: Vec<Cancellation>,
}

impl PortonePayment {
    /// Won that can still be given back.
    pub(crate) fn cancellable(&self) -> i64 {
        self.amount.total.saturating_sub(self.amount.cancelled)
    }

    /// Whether a cancellation is, or may be, under way at PortOne, so that another one must not be asked for.
    pub(crate) fn cancellation_pending(&self) -> bool {
        self.cancellations.iter().any(|cancellation| {
            cancellation.status == CancellationStatus::Requested || cancellation.status.is_unknown()
        })
    }
}

/// Won.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Amount {
    /// The order's total.
    pub(crate) total: i64,
    /// What was given back of it.
    #[serde(default)]
    pub(crate) cancelled: i64,
}

/// The contract with a payment gateway that took it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Channel {
    #[serde(rename = "type")]
    pub(crate) kind: ChannelKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pg_provider: Option<String>,
}

/// Why a payment gateway refused. Its message is not kept: it may name the buyer's bank or card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failure {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pg_code: Option<String>,
}

/// Money given back, or about to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cancellation {
    pub(crate) status: CancellationStatus,
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) total_amount: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cancelled_at: Option<DateTime<Utc>>,
    /// CONSOLE, API, … ; an open set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trigger: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unknown_fields_and_values_are_taken() {
        let payment: PortonePayment = serde_json::from_value(json!({
            "status": "ON_HOLD_BY_REGULATOR", "id": "a", "transactionId": "t", "storeId": "s", "currency": "KRW",
            "amount": {"total": 10, "novelty": true}, "channel": {"type": "SANDBOX", "pgProvider": "NEW_PG"},
            "novelty": {"x": 1},
        }))
        .unwrap();
        assert_eq!(payment.status, PortoneStatus::Other("ON_HOLD_BY_REGULATOR".to_owned()));
        assert!(!payment.status.is_captured());
        assert_eq!(payment.channel.unwrap().kind, ChannelKind::Other("SANDBOX".to_owned()));
    }

    #[test]
    fn a_cancellation_that_has_not_ended_for_certain_is_pending() {
        for (status, pending) in [
            ("REQUESTED", true),
            ("NEW", true),
            ("SUCCEEDED", false),
            ("FAILED", false),
        ] {
            let payment: PortonePayment = serde_json::from_value(json!({
                "status": "PAID", "id": "a", "transactionId": "t", "storeId": "s", "currency": "KRW",
                "amount": {"total": 10, "cancelled": 0}, "cancellations": [{"status": status, "id": "c", "totalAmount": 10}],
            }))
            .unwrap();
            assert_eq!(payment.cancellation_pending(), pending, "{status}");
        }
    }

    #[test]
    fn what_is_kept_names_nobody() {
        let payment: PortonePayment = serde_json::from_value(json!({
            "status": "PAID", "id": "a", "transactionId": "t", "storeId": "s", "currency": "KRW",
            "amount": {"total": 10, "cancelled": 0}, "customer": {"name": "Somebody"},
            "method": {"card": {"number": "1234"}}, "failure": {"pgMessage": "Somebody's card", "pgCode": "X"},
        }))
        .unwrap();
        let kept = serde_json::to_string(&payment).unwrap();
        assert!(!kept.contains("Somebody") && !kept.contains("1234"), "{kept}");
    }
}
