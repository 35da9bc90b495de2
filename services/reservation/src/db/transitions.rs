use crate::domain::{CancelReason, PaymentStatus, RefundStatus, Reservation};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// What a cancellation writes besides the state.
#[derive(Clone, Debug)]
pub(crate) struct Cancellation {
    pub(crate) reason: CancelReason,
    /// The payment it is about, if one decided it, and how that ended.
    pub(crate) payment: Option<(Uuid, PaymentStatus)>,
    pub(crate) refund: RefundChange,
}

/// What becomes of the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefundChange {
    /// None has moved.
    None,
    /// This many won are due back from now on.
    Requested(i64),
    /// This many won have gone back, known since then; an exact time that a message told before stays.
    Done(i64, DateTime<Utc>),
}

impl RefundChange {
    fn columns(self) -> (Option<&'static str>, Option<i64>, Option<DateTime<Utc>>) {
        match self {
            Self::None => (None, None, None),
            Self::Requested(amount) => (Some(RefundStatus::Requested.as_str()), Some(amount), None),
            Self::Done(amount, at) => (Some(RefundStatus::Succeeded.as_str()), Some(amount), Some(at)),
        }
    }
}

/// Cancels a locked reservation and gives its seats up. Returns its new version and the time.
pub(crate) async fn cancel(
    connection: &mut PgConnection,
    reservation: &Reservation,
    change: &Cancellation,
) -> Result<(i64, DateTime<Utc>), sqlx::Error> {
    sqlx::query!(
        "delete from reservation_service.seat_assignments where reservation_id = $1",
        reservation.id
    )
    .execute(&mut *connection)
    .await?;
    let (refund_status, refund_amount, refund_completed_at) = change.refund.columns();
    let row = sqlx::query!(
        r#"
            update reservation_service.reservations
            set status = 'CANCELLED',
                cancel_reason = $3,
                cancelled_at = clock_timestamp(),
                payment_lock_id = null,
                payment_locked_at = null,
                payment_id = coalesce($4, payment_id),
                payment_status = coalesce($5, payment_status),
                refund_status = coalesce($6, refund_status),
                refund_amount = coalesce($7, refund_amount),
                refund_requested_at = case when $6 = 'REQUESTED' then clock_timestamp() else refund_requested_at end,
                refund_completed_at = coalesce(refund_completed_at, $8),
                version = version + 1,
                updated_at = clock_timestamp()
            where id = $1 and version = $2 and status in ('PENDING', 'CONFIRMED')
            returning version, cancelled_at as "cancelled_at!"
        "#,
        reservation.id,
        reservation.version,
        change.reason.as_str(),
        change.payment.map(|(id, _)| id),
        change.payment.map(|(_, status)| status.as_str()),
        refund_status,
        refund_amount,
        refund_completed_at,
    )
    .fetch_one(connection)
    .await?;
    Ok((row.version, row.cancelled_at))
}

/// Sells the seats of a locked reservation, all of which it still holds. Returns its new version and the time.
pub(crate) async fn confirm(
    connection: &mut PgConnection,
    reservation: &Reservation,
    payment_id: Uuid,
    paid_at: DateTime<Utc>,
) -> Result<(i64, DateTime<Utc>), sqlx::Error> {
    let sold = sqlx::query!(
        r#"
            update reservation_service.seat_assignments
            set state = 'SOLD', expires_at = 'infinity'
            where reservation_id = $1 and state = 'HELD'
        "#,
        reservation.id,
    )
    .execute(&mut *connection)
    .await?;
    // The caller counted the rows it locked; another number now means that the lock did not hold.
    if usize::try_from(sold.rows_affected()) != Ok(reservation.seats.len()) {
        return Err(sqlx::Error::RowNotFound);
    }
    let row = sqlx::query!(
        r#"
            update reservation_service.reservations
            set status = 'CONFIRMED',
                confirmed_at = clock_timestamp(),
                paid_at = $4,
                payment_lock_id = null,
                payment_locked_at = null,
                payment_id = $3,
                payment_status = 'SUCCESS',
                version = version + 1,
                updated_at = clock_timestamp()
            where id = $1 and version = $2 and status = 'PENDING'
            returning version, confirmed_at as "confirmed_at!"
        "#,
        reservation.id,
        reservation.version,
        payment_id,
        paid_at,
    )
    .fetch_one(connection)
    .await?;
    Ok((row.version, row.confirmed_at))
}

/// Notes that money came for a reservation that was cancelled before, and goes back. Returns its new version.
pub(crate) async fn record_late_capture(
    connection: &mut PgConnection,
    reservation: &Reservation,
    payment_id: Uuid,
    amount: i64,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
            update reservation_service.reservations
            set payment_id = $3,
                payment_status = 'SUCCESS',
                refund_status = 'REQUESTED',
                refund_amount = $4,
                refund_requested_at = clock_timestamp(),
                version = version + 1,
                updated_at = clock_timestamp()
            where id = $1 and version = $2 and status = 'CANCELLED' and refund_status is null
            returning version
        "#,
        reservation.id,
        reservation.version,
        payment_id,
        amount,
    )
    .fetch_one(connection)
    .await
}

/// Notes that a payment's money has gone back. Whether the reservation lives by that payment; if not, nothing changes.
pub(crate) async fn record_refund(
    connection: &mut PgConnection,
    id: Uuid,
    payment_id: Uuid,
    amount: i64,
    requested_at: Option<DateTime<Utc>>,
    completed_at: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let result = sqlx::query!(
        r#"
            update reservation_service.reservations
            set payment_status = 'REFUNDED',
                refund_status = 'SUCCEEDED',
                refund_amount = $3,
                refund_requested_at = coalesce(refund_requested_at, $4),
                refund_completed_at = $5,
                version = version + 1,
                updated_at = clock_timestamp()
            where id = $1 and payment_id = $2
        "#,
        id,
        payment_id,
        amount,
        requested_at,
        completed_at,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}
