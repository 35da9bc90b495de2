//! The life of one payment at PortOne, free of HTTP.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::PortoneError;

/// A payment id and what became of it. Amounts are won.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Payment {
    pub(crate) id: String,
    pub(crate) predefined: Predefined,
    /// The buyer's last window; before the first, PortOne's GET does not know the payment.
    pub(crate) attempt: Option<Attempt>,
    pub(crate) cancellations: Vec<Cancellation>,
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
        bank_will_decline: bool,
    },
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

/// Money given back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cancellation {
    pub(crate) status: CancellationStatus,
    pub(crate) id: String,
    pub(crate) pg_cancellation_id: String,
    pub(crate) total_amount: i64,
    pub(crate) tax_free_amount: i64,
    pub(crate) vat_amount: i64,
    pub(crate) reason: String,
    pub(crate) requested_at: DateTime<Utc>,
    pub(crate) cancelled_at: DateTime<Utc>,
    pub(crate) trigger: Trigger,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum CancellationStatus {
    Succeeded,
}

/// Who asked for a cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Trigger {
    Api,
    Console,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum PaymentStatus {
    Ready,
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
    Paid { pg_tx_id: String, paid_at: DateTime<Utc> },
    Declined { pg_code: String, pg_message: String },
}

/// What to give back: everything that is left, unless `amount` says less.
#[derive(Default)]
pub(crate) struct Refund {
    pub(crate) amount: Option<i64>,
    pub(crate) tax_free: Option<i64>,
    pub(crate) vat: Option<i64>,
    /// What the caller believes can still be cancelled.
    pub(crate) expected_cancellable: Option<i64>,
    pub(crate) reason: String,
}

impl Payment {
    pub(crate) fn pre_registered(id: String, predefined: Predefined) -> Self {
        Self {
            id,
            predefined,
            attempt: None,
            cancellations: Vec::new(),
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

    pub(crate) fn cancelled(&self) -> i64 {
        self.cancellations
            .iter()
            .map(|cancellation| cancellation.total_amount)
            .sum()
    }

    pub(crate) fn cancelled_tax_free(&self) -> i64 {
        self.cancellations
            .iter()
            .map(|cancellation| cancellation.tax_free_amount)
            .sum()
    }

    /// `None` before the first window.
    pub(crate) fn status(&self) -> Option<PaymentStatus> {
        let attempt = self.attempt.as_ref()?;
        Some(match attempt.state {
            AttemptState::Ready { .. } => PaymentStatus::Ready,
            AttemptState::Failed { .. } => PaymentStatus::Failed,
            AttemptState::Paid { .. } if self.cancellations.is_empty() => PaymentStatus::Paid,
            AttemptState::Paid { .. } if self.cancelled() < attempt.total => PaymentStatus::PartialCancelled,
            AttemptState::Paid { .. } => PaymentStatus::Cancelled,
        })
    }

    /// Charges the buyer, or learns that the bank will not. Refusals change nothing.
    pub(crate) fn confirm(&mut self, asked: &Confirmation<'_>, now: DateTime<Utc>) -> Result<Confirmed, PortoneError> {
        let attempt = self.attempt.as_mut().ok_or(PortoneError::PaymentNotFound)?;
        let bank_will_decline = match &attempt.state {
            AttemptState::Paid { .. } => return Err(PortoneError::AlreadyPaid),
            AttemptState::Ready {
                token: Some(token),
                bank_will_decline,
            } if token == asked.token => *bank_will_decline,
            AttemptState::Ready { .. } | AttemptState::Failed { .. } => return Err(PortoneError::InvalidPaymentToken),
        };
        attempt.compare(asked)?;

        attempt.changed_at = now;
        if bank_will_decline {
            let pg_code = "CARD_LIMIT_EXCEEDED".to_owned();
            let pg_message = "the card's limit is exceeded".to_owned();
            attempt.state = AttemptState::Failed {
                reason: "the card company declined the approval".to_owned(),
                pg_code: pg_code.clone(),
                pg_message: pg_message.clone(),
            };
            return Ok(Confirmed::Declined { pg_code, pg_message });
        }
        let pg_tx_id = format!("sim{}", Uuid::new_v4().simple());
        let approval_number = format!("{:08}", Uuid::new_v4().as_fields().0 % 100_000_000);
        attempt.state = AttemptState::Paid {
            pg_tx_id: pg_tx_id.clone(),
            approval_number,
            paid_at: now,
        };
        Ok(Confirmed::Paid { pg_tx_id, paid_at: now })
    }

    /// Gives money back at once.
    pub(crate) fn cancel(
        &mut self,
        refund: Refund,
        trigger: Trigger,
        now: DateTime<Utc>,
    ) -> Result<Cancellation, PortoneError> {
        let (cancelled, cancelled_tax_free) = (self.cancelled(), self.cancelled_tax_free());
        let attempt = self.attempt.as_mut().ok_or(PortoneError::PaymentNotFound)?;
        if !matches!(attempt.state, AttemptState::Paid { .. }) {
            return Err(PortoneError::PaymentNotPaid);
        }
        let cancellable = attempt.total - cancelled;
        if cancellable == 0 {
            return Err(PortoneError::PaymentAlreadyCancelled);
        }
        if let Some(expected) = refund.expected_cancellable.filter(|expected| *expected != cancellable) {
            return Err(PortoneError::CancellableAmountConsistencyBroken { cancellable, expected });
        }

        let amount = refund.amount.unwrap_or(cancellable);
        let cancellable_tax_free = attempt.tax_free - cancelled_tax_free;
        let tax_free = refund
            .tax_free
            .unwrap_or(if amount == cancellable { cancellable_tax_free } else { 0 });
        let vat = refund.vat.unwrap_or_else(|| vat_of(amount.saturating_sub(tax_free)));
        if amount <= 0 || tax_free < 0 || vat < 0 {
            return Err(PortoneError::InvalidRequest("amounts must be positive".to_owned()));
        }
        if amount > cancellable {
            return Err(PortoneError::CancelAmountExceedsCancellableAmount);
        }
        if tax_free > cancellable_tax_free {
            return Err(PortoneError::CancelTaxFreeAmountExceedsCancellableTaxFreeAmount);
        }
        if tax_free.saturating_add(vat) > amount {
            return Err(PortoneError::SumOfPartsExceedsCancelAmount);
        }
        if amount - tax_free > cancellable - cancellable_tax_free {
            return Err(PortoneError::CancelTaxAmountExceedsCancellableTaxAmount);
        }

        attempt.changed_at = now;
        let cancellation = Cancellation {
            status: CancellationStatus::Succeeded,
            id: Uuid::new_v4().to_string(),
            pg_cancellation_id: format!("sim{}", Uuid::new_v4().simple()),
            total_amount: amount,
            tax_free_amount: tax_free,
            vat_amount: vat,
            reason: refund.reason,
            requested_at: now,
            cancelled_at: now,
            trigger,
        };
        self.cancellations.push(cancellation.clone());
        Ok(cancellation)
    }
}

impl Attempt {
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

/// The value-added tax contained in a taxed amount: an eleventh of it.
pub(crate) fn vat_of(taxed: i64) -> i64 {
    taxed.saturating_add(5) / 11
}
