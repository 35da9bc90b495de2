//! The life of one payment at PortOne, free of HTTP.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::PortoneError;
use super::cancellation::{Cancellation, Unsettled};

/// The payment gateway's code and words when it is out of order.
pub(crate) const OUT_OF_ORDER: (&str, &str) = ("PG_SYSTEM_ERROR", "the payment gateway is out of order");

/// A payment id and what became of it. Amounts are won.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Payment {
    pub(crate) id: String,
    pub(crate) predefined: Predefined,
    /// The buyer's last window; before the first, PortOne's GET does not know the payment.
    pub(crate) attempt: Option<Attempt>,
    pub(crate) cancellations: Vec<Cancellation>,
    /// Those of them that are REQUESTED.
    #[serde(default)]
    pub(crate) unsettled: Vec<Unsettled>,
}

/// What the payment gateway will say to the confirm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OnConfirm {
    #[default]
    Pay,
    /// 502, and the payment is FAILED.
    Decline,
    /// 502, and the payment stays READY; the next confirm pays.
    Stumble,
    /// 502, and the payment is PAY_PENDING.
    Ponder,
}

/// What the server said, ahead of the browser, that will be paid.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Predefined {
    pub(crate) total: Option<i64>,
    pub(crate) tax_free: Option<i64>,
    pub(crate) currency: Option<String>,
}

/// One transaction: what the buyer saw in the window, and how far it came.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) transaction_id: String,
    pub(crate) total: i64,
    pub(crate) tax_free: i64,
    pub(crate) currency: String,
    pub(crate) order_name: String,
    pub(crate) customer: Customer,
    pub(crate) custom_data: Option<String>,
    pub(crate) requested_at: DateTime<Utc>,
    pub(crate) changed_at: DateTime<Utc>,
    pub(crate) state: AttemptState,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Customer {
    #[serde(alias = "customerId", skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    #[serde(alias = "fullName", skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phone_number: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum AttemptState {
    /// Without a token the buyer has not authorised anything (yet).
    Ready {
        token: Option<String>,
        #[serde(default)]
        on_confirm: OnConfirm,
    },
    /// The payment gateway has it and has not said what came of it.
    PayPending { pg_tx_id: String },
    /// The buyer was told an account number.
    VirtualAccountIssued { pg_tx_id: String },
    Paid {
        pg_tx_id: String,
        approval_number: String,
        paid_at: DateTime<Utc>,
    },
    Failed {
        reason: String,
        pg_code: String,
        pg_message: String,
    },
}

/// All there are in a payment object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum PaymentStatus {
    Ready,
    PayPending,
    VirtualAccountIssued,
    Paid,
    Failed,
    PartialCancelled,
    Cancelled,
}

/// The token of a confirm and the facts its caller believes in.
pub(crate) struct Confirmation<'a> {
    pub(crate) token: &'a str,
    pub(crate) transaction_id: Option<&'a str>,
    pub(crate) total: Option<i64>,
    pub(crate) tax_free: Option<i64>,
    pub(crate) currency: Option<&'a str>,
    pub(crate) is_test: Option<bool>,
}

pub(crate) enum Confirmed {
    Paid {
        pg_tx_id: String,
        paid_at: DateTime<Utc>,
    },
    /// The payment is what it says now.
    Refused {
        became: PaymentStatus,
        pg_code: String,
        pg_message: String,
    },
}

impl Payment {
    pub(crate) fn pre_registered(id: String, predefined: Predefined) -> Self {
        Self {
            id,
            predefined,
            attempt: None,
            cancellations: Vec::new(),
            unsettled: Vec::new(),
        }
    }

    pub(crate) fn is_captured(&self) -> bool {
        matches!(
            self.attempt,
            Some(Attempt {
                state: AttemptState::Paid { .. },
                ..
            })
        )
    }

    /// `None` before the first window.
    pub(crate) fn status(&self) -> Option<PaymentStatus> {
        let attempt = self.attempt.as_ref()?;
        Some(match attempt.state {
            AttemptState::Ready { .. } => PaymentStatus::Ready,
            AttemptState::PayPending { .. } => PaymentStatus::PayPending,
            AttemptState::VirtualAccountIssued { .. } => PaymentStatus::VirtualAccountIssued,
            AttemptState::Failed { .. } => PaymentStatus::Failed,
            AttemptState::Paid { .. } if self.cancelled() == 0 => PaymentStatus::Paid,
            AttemptState::Paid { .. } if self.cancelled() < attempt.total => PaymentStatus::PartialCancelled,
            AttemptState::Paid { .. } => PaymentStatus::Cancelled,
        })
    }

    /// Charges the buyer, or learns that the payment gateway will not. Errors change nothing.
    pub(crate) fn confirm(&mut self, asked: &Confirmation<'_>, now: DateTime<Utc>) -> Result<Confirmed, PortoneError> {
        let attempt = self.attempt.as_mut().ok_or(PortoneError::PaymentNotFound)?;
        let on_confirm = match &attempt.state {
            AttemptState::Paid { .. } => return Err(PortoneError::AlreadyPaid),
            AttemptState::Ready {
                token: Some(token),
                on_confirm,
            } if token == asked.token => *on_confirm,
            _ => return Err(PortoneError::InvalidPaymentToken),
        };
        attempt.compare(asked)?;
        attempt.changed_at = now;
        let (pg_code, pg_message) = match on_confirm {
            OnConfirm::Pay => {
                let pg_tx_id = attempt.capture(now);
                return Ok(Confirmed::Paid { pg_tx_id, paid_at: now });
            }
            OnConfirm::Decline => attempt.decline(),
            OnConfirm::Ponder => {
                attempt.state = AttemptState::PayPending { pg_tx_id: pg_tx_id() };
                OUT_OF_ORDER
            }
            OnConfirm::Stumble => {
                attempt.state = AttemptState::Ready {
                    token: Some(asked.token.to_owned()),
                    on_confirm: OnConfirm::Pay,
                };
                OUT_OF_ORDER
            }
        };
        Ok(Confirmed::Refused {
            became: self.status().unwrap_or(PaymentStatus::Ready),
            pg_code: pg_code.to_owned(),
            pg_message: pg_message.to_owned(),
        })
    }
}

impl Attempt {
    /// Charges the buyer, and returns the payment gateway's id of it.
    pub(crate) fn capture(&mut self, now: DateTime<Utc>) -> String {
        let pg_tx_id = pg_tx_id();
        self.state = AttemptState::Paid {
            pg_tx_id: pg_tx_id.clone(),
            approval_number: format!("{:08}", Uuid::new_v4().as_fields().0 % 100_000_000),
            paid_at: now,
        };
        pg_tx_id
    }

    /// The bank says no; returns its code and words.
    pub(crate) fn decline(&mut self) -> (&'static str, &'static str) {
        let (pg_code, pg_message) = ("CARD_LIMIT_EXCEEDED", "the card's limit is exceeded");
        self.state = AttemptState::Failed {
            reason: "the card company declined the approval".to_owned(),
            pg_code: pg_code.to_owned(),
            pg_message: pg_message.to_owned(),
        };
        (pg_code, pg_message)
    }

    fn compare(&self, asked: &Confirmation<'_>) -> Result<(), PortoneError> {
        let differing = [
            ("txId", asked.transaction_id.is_some_and(|id| id != self.transaction_id)),
            ("totalAmount", asked.total.is_some_and(|total| total != self.total)),
            (
                "taxFreeAmount",
                asked.tax_free.is_some_and(|tax_free| tax_free != self.tax_free),
            ),
            (
                "currency",
                asked.currency.is_some_and(|currency| currency != self.currency),
            ),
            // The only channel is a test channel.
            ("isTest", asked.is_test == Some(false)),
        ];
        match differing.iter().find(|(_, differs)| *differs) {
            Some((field, _)) => Err(PortoneError::InformationMismatch(field)),
            None => Ok(()),
        }
    }
}

/// A new id of the payment gateway.
pub(crate) fn pg_tx_id() -> String {
    format!("sim{}", Uuid::new_v4().simple())
}

/// The value-added tax contained in a taxed amount: an eleventh of it.
pub(crate) fn vat_of(taxed: i64) -> i64 {
    taxed.saturating_add(5) / 11
}
