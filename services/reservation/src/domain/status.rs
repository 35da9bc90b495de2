use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Makes an enum whose names in rows and in JSON are the same upper-case words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        // By a rule, not word for word: utoipa does not see a name that a macro passes on.
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        $(#[$doc])*
        pub(crate) enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// As it stands in rows and in JSON.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The value of that text.
            pub(crate) fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

words! {
    /// Where a reservation stands (`design.md` §8): PENDING → CONFIRMED | CANCELLED, CONFIRMED → CANCELLED.
    #[schema(as = ReservationStatus)]
    Status {
        /// The seats are held and wait for the payment.
        Pending = "PENDING",
        /// Paid; the seats are the buyer's.
        Confirmed = "CONFIRMED",
        /// Over; the seats are free again.
        Cancelled = "CANCELLED",
    }
}

words! {
    /// Where the reservation's payment stands, as far as messages have told.
    PaymentStatus {
        /// It runs.
        Pending = "PENDING",
        /// The money was captured.
        Success = "SUCCESS",
        /// It ended without a capture.
        Failed = "FAILED",
        /// The money went back.
        Refunded = "REFUNDED",
    }
}

words! {
    /// Whether the reservation's money has come back, as far as messages have told. How the refund goes meanwhile, and that an
    /// operator must see to it, the payment shows.
    RefundStatus {
        /// It is due.
        Requested = "REQUESTED",
        /// The buyer has the money back.
        Succeeded = "SUCCEEDED",
    }
}

words! {
    /// Why a reservation was cancelled.
    CancelReason {
        /// The buyer cancelled a confirmed reservation.
        UserRequest = "USER_REQUEST",
        /// The buyer gave the hold back.
        HoldReleased = "HOLD_RELEASED",
        /// The hold ran out.
        HoldExpired = "HOLD_EXPIRED",
        /// The payment was declined or ended without a capture.
        PaymentFailed = "PAYMENT_FAILED",
        /// The payment came too late: the seats were gone.
        ConfirmationFailed = "CONFIRMATION_FAILED",
        /// The money had been given back already.
        Compensated = "COMPENSATED",
        /// The concert was cancelled.
        EventCancelled = "EVENT_CANCELLED",
    }
}

impl From<CancelReason> for messages::CancelReason {
    fn from(reason: CancelReason) -> Self {
        match reason {
            CancelReason::UserRequest => Self::UserRequest,
            CancelReason::HoldReleased => Self::HoldReleased,
            CancelReason::HoldExpired => Self::HoldExpired,
            CancelReason::PaymentFailed => Self::PaymentFailed,
            CancelReason::ConfirmationFailed => Self::ConfirmationFailed,
            CancelReason::Compensated => Self::Compensated,
            CancelReason::EventCancelled => Self::EventCancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_json_and_messages_use_the_same_words() {
        for reason in [
            CancelReason::UserRequest,
            CancelReason::HoldExpired,
            CancelReason::Compensated,
        ] {
            assert_eq!(CancelReason::parse(reason.as_str()), Some(reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
            assert_eq!(
                serde_json::to_value(messages::CancelReason::from(reason)).unwrap(),
                reason.as_str()
            );
        }
        assert_eq!(Status::parse("EXPIRED"), None);
        let document = serde_json::to_value(<CancelReason as utoipa::PartialSchema>::schema()).unwrap();
        assert_eq!(document["enum"][0], CancelReason::UserRequest.as_str());
    }
}
