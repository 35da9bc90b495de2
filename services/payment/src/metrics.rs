//! What the service counts: payments by outcome, refunds, and what needs people (design.md §12). PortOne's latency is
//! measured by its client.

use crate::domain::{FailureReason, Payment, PaymentStatus};

/// A payment was decided. Counted after the commit, or where a lost commit may count it twice: these are no books.
pub(crate) fn payment_ended(payment: &Payment) {
    let outcome = match payment.status {
        PaymentStatus::Pending => return,
        PaymentStatus::Success => "success",
        PaymentStatus::Failed => "failed",
        PaymentStatus::Refunded => "refunded",
    };
    let reason = payment.failure_reason.clone().unwrap_or_default();
    metrics::counter!("payments_total", "outcome" => outcome, "reason" => reason).increment(1);
}

/// A payment ended without a capture.
pub(crate) fn payment_failed(reason: FailureReason) {
    metrics::counter!("payments_total", "outcome" => "failed", "reason" => reason.as_str()).increment(1);
}

/// A payment's money went back.
pub(crate) fn refunded() {
    metrics::counter!("payments_total", "outcome" => "refunded", "reason" => "").increment(1);
}

/// Somebody must look at this.
pub(crate) fn alarm(kind: &'static str) {
    metrics::counter!("payment_alarms_total", "kind" => kind).increment(1);
}

/// The gauges that alarms are on.
pub(crate) fn waiting(sagas_stuck: i64, refunds_failed: i64) {
    metrics::gauge!("sagas_stuck").set(count(sagas_stuck));
    metrics::gauge!("refunds_failed").set(count(refunds_failed));
}

fn count(rows: i64) -> f64 {
    f64::from(i32::try_from(rows).unwrap_or(i32::MAX))
}
