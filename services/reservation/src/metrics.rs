//! What is counted (`design.md` §12).

use common::problem::Code;

/// How a request for seats ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HoldResult {
    /// The seats are the buyer's for now.
    Won,
    /// They were before.
    Repeated,
    /// Somebody else holds one of them, as Redis knows.
    SeatHeld,
    /// Refused with that code.
    Refused(Code),
}

impl HoldResult {
    fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::Won => ("won", ""),
            Self::Repeated => ("repeated", ""),
            Self::SeatHeld => ("lost", "HELD_IN_REDIS"),
            Self::Refused(code @ Code::SeatUnavailable) => ("lost", code.as_str()),
            Self::Refused(code) => ("refused", code.as_str()),
        }
    }
}

/// Counts a request for seats in `reservation_holds_total`: `won`, `repeated`, `lost` (a seat was somebody's), or refused
/// for another reason, by its code.
pub(crate) fn count_hold(result: HoldResult) {
    let (result, reason) = result.labels();
    metrics::counter!("reservation_holds_total", "result" => result, "reason" => reason).increment(1);
}

/// Counts a request for other seats in `reservation_swaps_total`, as [`count_hold`] does.
pub(crate) fn count_swap(result: HoldResult) {
    let (result, reason) = result.labels();
    metrics::counter!("reservation_swaps_total", "result" => result, "reason" => reason).increment(1);
}

/// Counts holds that the sweep ended, in `reservation_holds_expired_total`.
pub(crate) fn count_expired(reservations: usize) {
    metrics::counter!("reservation_holds_expired_total").increment(reservations as u64);
}

/// Counts what became of an old payment lock, in `reservation_payment_locks_asked_total`.
pub(crate) fn count_asked_lock(outcome: &'static str) {
    metrics::counter!("reservation_payment_locks_asked_total", "outcome" => outcome).increment(1);
}

/// Counts captured payments that could not confirm their reservation and go back, in
/// `reservation_confirmations_failed_total`.
pub(crate) fn count_failed_confirmation() {
    metrics::counter!("reservation_confirmations_failed_total").increment(1);
}

/// Counts reservations whose holds were put back after Redis lost them, in `reservation_holds_rebuilt_total`.
pub(crate) fn count_rebuilt(reservations: usize) {
    metrics::counter!("reservation_holds_rebuilt_total").increment(reservations as u64);
}

/// Counts reservations that ended because their event was cancelled, in `reservation_closed_total`.
pub(crate) fn count_closed(reservations: usize) {
    metrics::counter!("reservation_closed_total").increment(reservations as u64);
}
