//! What a reservation is and which changes it allows. No I/O: the callers lock the rows, ask here what follows, and write it.

mod cancellation;
mod decisions;
#[cfg(test)]
mod histories;
mod reservation;
mod seat_selection;
mod status;
mod swap;

pub(crate) use cancellation::cancellable_until;
pub(crate) use decisions::{
    CancelDecision, LockDecision, LockRefusal, Refusal, ReleaseDecision, SuccessDecision, decide_cancel,
    decide_compensation, decide_payment_failed, decide_payment_lock, decide_payment_success, decide_release,
};
pub(crate) use reservation::{Refund, Reservation, ReservedSeat, Tickets};
pub(crate) use seat_selection::{SeatSelection, SelectionError};
pub(crate) use status::{CancelReason, PaymentStatus, RefundStatus, Status};
pub(crate) use swap::{SwapDecision, SwapRefusal, decide_swap};
