//! Every SQL statement of the service: functions over `&mut PgConnection`, so that the callers decide what one transaction is.
//!
//! Lock order, everywhere (`design.md` §8): advisory lock (user, event) → advisory lock (event) → assignments by seat id →
//! reservations by id → outbox. Times are the database's. A guarded `UPDATE` that finds another state than its caller
//! locked fails with [`sqlx::Error::RowNotFound`] instead of doing nothing.

mod advisory;
mod closing;
mod ended;
mod event_versions;
mod expiry;
mod holds;
mod payment_locks;
mod pending;
mod refunds;
mod reservations;
mod seats;
pub(crate) mod standing;
mod swaps;
mod transitions;

pub(crate) use advisory::{lock_buyer, lock_buyer_and_share_event, lock_event, share_event};
pub(crate) use closing::{Closing, cancel_live, close_event, finish_closing, lock_live, unfinished_closings};
pub(crate) use event_versions::raise_event_version;
pub(crate) use expiry::{expire, lock_expired, lock_takeover};
pub(crate) use holds::{NewReservation, Survey, SurveyRequest, survey, take_and_reserve};
pub(crate) use payment_locks::{OverdueLock, claim_overdue_locks, lock_for_payment, prolong_seats, unlock};
pub(crate) use pending::{BuyerAtWork, PendingHold, buyers_at_work, pending_holds, seats_still_held};
pub(crate) use refunds::claim_long_due;
pub(crate) use reservations::{Locked, Read, find, find_of_user, is_event_closed, lock, page, time_left};
pub(crate) use seats::{TakenSeats, availability, has_claims, taken_seats};
pub(crate) use swaps::{change_seats, take_more_seats};
pub(crate) use transitions::{Cancellation, RefundChange, cancel, confirm, record_late_capture, record_refund};
