//! Beginning a payment (design.md §3.5): whose key it is, whether the reservation may be paid for, and which of a
//! reservation's payments is the open one.

use common::{
    db::constraint,
    problem::{ApiResult, Code, Problem},
};
use uuid::Uuid;

use crate::{
    db::{
        self,
        payments::{NewPayment, lock_live},
        sagas,
    },
    domain::{FailureReason, Payment, PaymentStatus, ReservationStatus},
    metrics,
    neighbours::Reservation,
    routes::CreatePayment,
    state::AppState,
};

/// A longer title is cut: payment gateways limit the order's name.
const MAX_TITLE_CHARS: usize = 40;

/// A payment, and whether this request made it.
pub(crate) enum Begun {
    /// It did.
    Now(Payment),
    /// An earlier one, with the same key, did.
    Before(Payment),
}

/// The payment of the request's key, if there is one.
pub(crate) async fn existing(state: &AppState, user: Uuid, request: &CreatePayment) -> ApiResult<Option<Payment>> {
    let mut connection = state.db.acquire().await?;
    let Some(payment) = db::payments::find_by_key(&mut connection, request.payment_key).await? else {
        return Ok(None);
    };
    if payment.user_id != user || payment.reservation_id != request.reservation_id {
        return Err(Problem::new(Code::PaymentKeyReused));
    }
    same_amount(request, payment.amount)?;
    Ok(Some(payment))
}

/// Makes the payment, if the reservation can be paid for.
pub(crate) async fn begin(
    state: &AppState,
    user: Uuid,
    queue_token: &str,
    request: &CreatePayment,
) -> ApiResult<Begun> {
    let reservation = state.reservations.find(request.reservation_id, user).await?;
    let reservation =
        reservation.ok_or_else(|| Problem::new(Code::NotFound).detail("There is no such reservation."))?;
    payable(&reservation)?;
    same_amount(request, reservation.total_amount)?;
    let (event, id) = (reservation.event_id, reservation.reservation_id);
    if !state.queue.is_payment_token_valid(queue_token, user, event, id).await? {
        return Err(Problem::new(Code::QueueTokenInvalid));
    }

    let made = make(state, user, request, &reservation).await;
    match made {
        Ok(payment) => Ok(Begun::Now(payment)),
        // The same key came twice at once; the other request made the payment.
        Err(Refused::KeyTaken) => {
            let payment = existing(state, user, request).await?;
            payment
                .map(Begun::Before)
                .ok_or_else(|| Problem::new(Code::PaymentKeyReused))
        }
        Err(Refused::Problem(problem)) => Err(problem),
    }
}

fn same_amount(request: &CreatePayment, amount: i64) -> ApiResult<()> {
    match request.amount {
        Some(given) if given != amount => Err(Problem::new(Code::AmountMismatch).member("amount", amount)),
        _ => Ok(()),
    }
}

fn payable(reservation: &Reservation) -> ApiResult<()> {
    let hold_is_over = reservation.hold_expires_at <= reservation.server_time;
    match reservation.status {
        ReservationStatus::Pending | ReservationStatus::Cancelled if hold_is_over => {
            Err(Problem::new(Code::HoldExpired))
        }
        ReservationStatus::Pending => Ok(()),
        ReservationStatus::Confirmed | ReservationStatus::Cancelled => Err(Problem::new(Code::ReservationNotPending)),
    }
}

enum Refused {
    KeyTaken,
    Problem(Problem),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Self {
        Self::Problem(error.into())
    }
}

/// One transaction: the saga's lock lets a reservation's payments be begun one after the other, the open one that was not
/// confirmed is superseded, the new one is inserted.
async fn make(
    state: &AppState,
    user: Uuid,
    request: &CreatePayment,
    reservation: &Reservation,
) -> Result<Payment, Refused> {
    let (id, reservation_id) = (Uuid::now_v7(), reservation.reservation_id);
    let mut transaction = state.db.begin().await?;
    sagas::open(&mut transaction, reservation_id, user, id).await?;
    let superseded = match lock_live(&mut transaction, reservation_id).await? {
        Some(open) if open.payment_key == request.payment_key => return Err(Refused::KeyTaken),
        Some(open) if open.status == PaymentStatus::Success => {
            return Err(Problem::new(Code::ReservationNotPending).into());
        }
        Some(open) if open.confirm_started_at.is_some() => return Err(Problem::new(Code::PaymentInProgress).into()),
        Some(open) => {
            db::payments::fail(&mut transaction, open.id, FailureReason::Superseded, None, &[]).await?;
            true
        }
        None => false,
    };
    let seat_ids: Vec<Uuid> = reservation.seats.iter().map(|seat| seat.seat_id).collect();
    let new = NewPayment {
        id,
        reservation_id,
        user_id: user,
        payment_key: request.payment_key,
        payment_method: request.payment_method.as_str(),
        amount: reservation.total_amount,
        concert_id: reservation.event_id,
        seat_ids: &seat_ids,
        reservation_version: reservation.version,
        grant_id: reservation.grant_id.as_deref(),
        order_name: &order_name(&reservation.event_title, seat_ids.len()),
        expires_at: reservation.hold_expires_at,
    };
    match db::payments::insert(&mut transaction, &new).await {
        Err(error) if constraint(&error) == Some("payments_payment_key_key") => return Err(Refused::KeyTaken),
        result => result?,
    }
    sagas::restart(&mut transaction, reservation_id, id).await?;
    let payment = db::payments::find(&mut transaction, id)
        .await?
        .ok_or(sqlx::Error::RowNotFound)?;
    transaction.commit().await?;
    if superseded {
        metrics::payment_failed(FailureReason::Superseded);
    }
    Ok(payment)
}

fn order_name(title: &str, seats: usize) -> String {
    let title: String = title.chars().take(MAX_TITLE_CHARS).collect();
    let unit = if seats == 1 { "seat" } else { "seats" };
    format!("{} ({seats} {unit})", title.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_orders_name_is_short_and_counts_the_seats() {
        assert_eq!(order_name("아이유 콘서트", 1), "아이유 콘서트 (1 seat)");
        assert_eq!(
            order_name(&"x".repeat(100), 2),
            format!("{} (2 seats)", "x".repeat(MAX_TITLE_CHARS))
        );
    }
}
