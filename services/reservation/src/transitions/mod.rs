//! What changes a reservation: each function is the inside of one transaction, which its caller begins and commits. It locks
//! in the order of `db`, asks `domain` what follows, writes it and enqueues the message that tells of it.

mod end;
mod hold;
mod payment_ended;
mod payment_lock;
mod swap;
#[cfg(test)]
mod tests;

pub(crate) use end::{CancelOutcome, ReleaseOutcome, cancel, end, release, tickets_of};
pub(crate) use hold::{HoldOutcome, HoldRefusal, HoldWish, hold};
use hold::{displace, is_outdated, refused_by_survey};
pub(crate) use payment_ended::{compensate, payment_failed};
pub(crate) use payment_lock::{LockOutcome, PaymentLock, Unlocked, lock_for_payment, unlock};
pub(crate) use swap::{SwapOutcome, SwapWish, Swapped, swap};
