//! The messages of a payment, made of its row.

use chrono::{DateTime, Utc};
use messages::{CompensateReservation, PaymentFailed, PaymentRefunded, PaymentSuccess};

use crate::domain::{CURRENCY, FailureReason, Payment, RefundReason};

pub(super) fn success(payment: &Payment, transaction_id: &str, paid_at: DateTime<Utc>) -> PaymentSuccess {
    PaymentSuccess {
        payment_id: payment.id,
        reservation_id: payment.reservation_id,
        user_id: payment.user_id,
        concert_id: payment.concert_id,
        seat_ids: payment.seat_ids.clone(),
        amount: payment.amount,
        currency: CURRENCY.to_owned(),
        payment_key: Some(payment.payment_key.to_string()),
        portone_transaction_id: transaction_id.to_owned(),
        paid_at,
        reservation_version: payment.reservation_version,
        grant_id: payment.grant_id.clone(),
    }
}

pub(super) fn failed(payment: &Payment, reason: FailureReason, failed_at: DateTime<Utc>) -> PaymentFailed {
    PaymentFailed {
        payment_id: payment.id,
        reservation_id: payment.reservation_id,
        user_id: payment.user_id,
        concert_id: payment.concert_id,
        seat_ids: payment.seat_ids.clone(),
        amount: payment.amount,
        payment_key: Some(payment.payment_key.to_string()),
        failure_reason: reason.as_str().to_owned(),
        failed_at,
        holds_lock: payment.locked_at.is_some(),
        reservation_version: Some(payment.reservation_version),
        grant_id: payment.grant_id.clone(),
    }
}

pub(super) fn refunded(
    payment: &Payment,
    amount: i64,
    reason: &str,
    requested_at: Option<DateTime<Utc>>,
    refunded_at: DateTime<Utc>,
) -> PaymentRefunded {
    PaymentRefunded {
        payment_id: payment.id,
        reservation_id: payment.reservation_id,
        user_id: payment.user_id,
        concert_id: payment.concert_id,
        seat_ids: payment.seat_ids.clone(),
        amount,
        reason: reason.to_owned(),
        requested_at,
        refunded_at,
        reservation_version: Some(payment.reservation_version),
        grant_id: payment.grant_id.clone(),
    }
}

pub(super) fn compensate(payment: &Payment, requested_at: DateTime<Utc>) -> CompensateReservation {
    CompensateReservation {
        payment_id: payment.id,
        reservation_id: payment.reservation_id,
        user_id: payment.user_id,
        concert_id: payment.concert_id,
        seat_ids: payment.seat_ids.clone(),
        amount: payment.amount,
        reason: RefundReason::RefundedAtPortone.as_str().to_owned(),
        requested_at,
        reservation_version: Some(payment.reservation_version),
        grant_id: payment.grant_id.clone(),
    }
}
