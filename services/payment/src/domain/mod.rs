//! What a payment is and what its facts mean. No I/O here.

#[cfg(test)]
mod histories;
mod judgement;
mod payment;
mod reason;
mod saga;

pub(crate) use judgement::{Expectation, Occasion, Verdict, judge};
pub(crate) use payment::{Payment, PaymentStatus, RefundStatus, portone_id, portone_id_to_uuid};
pub(crate) use reason::{FailureReason, RefundReason};
pub(crate) use saga::{ReservationStatus, SagaStep};

/// The only currency.
pub(crate) const CURRENCY: &str = "KRW";
