//! Money given back, at once or later, free of HTTP.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::PortoneError;
use super::payment::{AttemptState, Payment, vat_of};

/// Money given back, or asked back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cancellation {
    pub(crate) status: CancellationStatus,
    pub(crate) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pg_cancellation_id: Option<String>,
    pub(crate) total_amount: i64,
    pub(crate) tax_free_amount: i64,
    pub(crate) vat_amount: i64,
    pub(crate) reason: String,
    pub(crate) requested_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cancelled_at: Option<DateTime<Utc>>,
    pub(crate) trigger: Trigger,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum CancellationStatus {
    Requested,
    Succeeded,
    Failed,
}

/// Who asked for a cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Trigger {
    Api,
    Console,
}

/// A cancellation that the payment gateway has taken and not done: how and when it will end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Unsettled {
    pub(crate) cancellation_id: String,
    pub(crate) settles_at: DateTime<Utc>,
    pub(crate) outcome: Settled,
}

/// How a REQUESTED cancellation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Settled {
    Succeeded,
    Failed,
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
    pub(crate) pace: Pace,
}

/// When the money goes back.
#[derive(Clone, Copy, Default)]
pub(crate) enum Pace {
    #[default]
    AtOnce,
    Later(Duration, Settled),
}

impl Payment {
    /// What went back.
    pub(crate) fn cancelled(&self) -> i64 {
        self.sum(CancellationStatus::Succeeded, |cancellation| cancellation.total_amount)
    }

    /// What is on its way back.
    pub(crate) fn requested(&self) -> i64 {
        self.sum(CancellationStatus::Requested, |cancellation| cancellation.total_amount)
    }

    pub(crate) fn cancelled_tax_free(&self) -> i64 {
        self.sum(CancellationStatus::Succeeded, |cancellation| {
            cancellation.tax_free_amount
        })
    }

    fn requested_tax_free(&self) -> i64 {
        self.sum(CancellationStatus::Requested, |cancellation| {
            cancellation.tax_free_amount
        })
    }

    fn sum(&self, status: CancellationStatus, amount: impl Fn(&Cancellation) -> i64) -> i64 {
        let of_status = self
            .cancellations
            .iter()
            .filter(|cancellation| cancellation.status == status);
        of_status.map(amount).sum()
    }

    /// Gives money back, or promises to. What is promised cannot be given back a second time meanwhile.
    pub(crate) fn cancel(
        &mut self,
        refund: Refund,
        trigger: Trigger,
        now: DateTime<Utc>,
    ) -> Result<Cancellation, PortoneError> {
        let gone = self.cancelled() + self.requested();
        let gone_tax_free = self.cancelled_tax_free() + self.requested_tax_free();
        let attempt = self.attempt.as_mut().ok_or(PortoneError::PaymentNotFound)?;
        if !matches!(attempt.state, AttemptState::Paid { .. }) {
            return Err(PortoneError::PaymentNotPaid);
        }
        let cancellable = attempt.total - gone;
        if cancellable == 0 {
            return Err(PortoneError::PaymentAlreadyCancelled);
        }
        if let Some(expected) = refund.expected_cancellable.filter(|expected| *expected != cancellable) {
            return Err(PortoneError::CancellableAmountConsistencyBroken { cancellable, expected });
        }
        let (amount, tax_free, vat) = parts(&refund, cancellable, attempt.tax_free - gone_tax_free)?;

        attempt.changed_at = now;
        let mut cancellation = Cancellation {
            status: CancellationStatus::Requested,
            id: Uuid::new_v4().to_string(),
            pg_cancellation_id: None,
            total_amount: amount,
            tax_free_amount: tax_free,
            vat_amount: vat,
            reason: refund.reason,
            requested_at: now,
            cancelled_at: None,
            trigger,
        };
        match refund.pace {
            Pace::AtOnce => cancellation.settle(Settled::Succeeded, now),
            Pace::Later(after, outcome) => self.unsettled.push(Unsettled {
                cancellation_id: cancellation.id.clone(),
                settles_at: now + TimeDelta::from_std(after).unwrap_or(TimeDelta::days(365)),
                outcome,
            }),
        }
        self.cancellations.push(cancellation.clone());
        Ok(cancellation)
    }

    /// Ends a REQUESTED cancellation as was planned, or as `outcome` says. `None` if it has ended before.
    pub(crate) fn settle(
        &mut self,
        cancellation_id: &str,
        outcome: Option<Settled>,
        now: DateTime<Utc>,
    ) -> Option<Settled> {
        let place = self
            .unsettled
            .iter()
            .position(|one| one.cancellation_id == cancellation_id)?;
        let planned = self.unsettled.remove(place).outcome;
        let outcome = outcome.unwrap_or(planned);
        let cancellation = self.cancellations.iter_mut().find(|one| one.id == cancellation_id)?;
        cancellation.settle(outcome, now);
        if let Some(attempt) = &mut self.attempt {
            attempt.changed_at = now;
        }
        Some(outcome)
    }
}

impl Cancellation {
    fn settle(&mut self, outcome: Settled, now: DateTime<Utc>) {
        match outcome {
            Settled::Failed => self.status = CancellationStatus::Failed,
            Settled::Succeeded => {
                self.status = CancellationStatus::Succeeded;
                self.pg_cancellation_id = Some(format!("sim{}", Uuid::new_v4().simple()));
                self.cancelled_at = Some(now);
            }
        }
    }
}

/// Amount, tax-free part and tax of a refund that leaves no negative balance.
fn parts(refund: &Refund, cancellable: i64, cancellable_tax_free: i64) -> Result<(i64, i64, i64), PortoneError> {
    let amount = refund.amount.unwrap_or(cancellable);
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
    Ok((amount, tax_free, vat))
}
