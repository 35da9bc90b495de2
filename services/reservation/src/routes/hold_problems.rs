use crate::{
    domain::{Refusal, SelectionError, SwapRefusal},
    neighbours::EventInfo,
    transitions::HoldRefusal,
};
use chrono::{DateTime, SecondsFormat, Utc};
use common::problem::{Code, Problem};
use std::time::Duration;
use uuid::Uuid;

/// 409 `SEAT_UNAVAILABLE` with the seats.
pub(crate) fn seats_unavailable(seat_ids: &[Uuid]) -> Problem {
    let seat_ids: Vec<String> = seat_ids.iter().map(Uuid::to_string).collect();
    Problem::new(Code::SeatUnavailable).member("seatIds", seat_ids)
}

/// Why the database refused a hold of `wanted` seats.
pub(crate) fn refused(refusal: &HoldRefusal, event: &EventInfo, wanted: usize) -> Problem {
    match refusal {
        HoldRefusal::NotOpen { now } => Problem::new(Code::SaleNotOpen)
            .member("saleStartAt", time(event.sale_start_at))
            .member("serverTime", time(*now))
            .retry_after((event.sale_start_at - *now).to_std().unwrap_or(Duration::ZERO)),
        HoldRefusal::Closed => Problem::new(Code::SaleClosed),
        HoldRefusal::HoldExists(id) => Problem::new(Code::HoldExists)
            .detail("Release the seats you hold, or pay for them, before you choose others.")
            .member("reservationId", id.to_string()),
        HoldRefusal::LimitExceeded { confirmed } => Problem::new(Code::TicketLimitExceeded)
            .detail(format!(
                "You have {confirmed} seats of this event and asked for {wanted} more."
            ))
            .member("limit", event.max_tickets_per_user),
        HoldRefusal::SeatsTaken(seat_ids) => seats_unavailable(seat_ids),
    }
}

/// Why a list of seats is refused before anything is asked.
pub(crate) fn bad_selection(error: SelectionError, max_per_booking: usize) -> Problem {
    match error {
        SelectionError::Empty => Problem::invalid("seatIds", "must name at least one seat"),
        SelectionError::Duplicate => Problem::invalid("seatIds", "must not name a seat twice"),
        SelectionError::TooMany => Problem::new(Code::TicketLimitExceeded)
            .detail(format!("One booking has at most {max_per_booking} seats."))
            .member("limit", max_per_booking),
    }
}

/// Why a hold or booking cannot be let go.
pub(crate) fn not_endable(refusal: Refusal) -> Problem {
    Problem::new(match refusal {
        Refusal::NotPending => Code::ReservationNotPending,
        Refusal::PaymentInProgress => Code::PaymentInProgress,
        Refusal::CancellationClosed => Code::CancellationClosed,
    })
}

/// Why a hold keeps its seats.
pub(crate) fn not_swappable(refusal: SwapRefusal) -> Problem {
    Problem::new(match refusal {
        SwapRefusal::HoldExpired => Code::HoldExpired,
        SwapRefusal::NotPending => Code::ReservationNotPending,
        SwapRefusal::PaymentInProgress => Code::PaymentInProgress,
    })
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
