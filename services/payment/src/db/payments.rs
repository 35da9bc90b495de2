//! The payments' own state.

use chrono::{DateTime, Utc};
use common::context::Origin;
use sqlx::{PgConnection, types::Json};
use std::time::Duration;
use uuid::Uuid;

use super::{expect_one, seconds};
use crate::{
    domain::{FailureReason, Payment, PaymentStatus, ReservationStatus},
    portone::PortonePayment,
};

/// Selects whole payments; `$tail` is what follows the table's name.
macro_rules! select_payment {
    ($tail:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            Payment,
            r#"
                select
                    payments.id,
                    payments.reservation_id,
                    payments.user_id,
                    payments.payment_key,
                    payments.status as "status: PaymentStatus",
                    payments.failure_reason,
                    payments.amount,
                    payments.concert_id,
                    payments.seat_ids,
                    payments.reservation_version,
                    payments.grant_id,
                    payments.order_name,
                    payments.registered_at,
                    payments.confirm_started_at,
                    payments.locked_at,
                    payments.captured,
                    payments.paid_at,
                    payments.portone_transaction_id
                from payment_service.payments
            "# + $tail,
            $($argument),+
        )
    };
}

/// The payment of that id.
pub(crate) async fn find(connection: &mut PgConnection, id: Uuid) -> Result<Option<Payment>, sqlx::Error> {
    select_payment!("where payments.id = $1", id)
        .fetch_optional(connection)
        .await
}

/// The payment of that client's key, whoever's it is.
pub(crate) async fn find_by_key(connection: &mut PgConnection, key: Uuid) -> Result<Option<Payment>, sqlx::Error> {
    select_payment!("where payments.payment_key = $1", key)
        .fetch_optional(connection)
        .await
}

/// The reservation's payment that is PENDING or SUCCESS, locked. The caller has locked the saga.
pub(crate) async fn lock_live(
    connection: &mut PgConnection,
    reservation: Uuid,
) -> Result<Option<Payment>, sqlx::Error> {
    select_payment!(
        "where payments.reservation_id = $1 and payments.status in ('PENDING', 'SUCCESS') for update",
        reservation
    )
    .fetch_optional(connection)
    .await
}

/// A payment whose row, and whose booking's saga, this transaction has locked.
pub(crate) struct Locked {
    pub(crate) payment: Payment,
    /// What the reservation service last said of the reservation.
    pub(crate) reservation_status: ReservationStatus,
    /// Whether money is going back or has gone back.
    pub(crate) has_refund: bool,
    /// How long ago the confirm began.
    pub(crate) elapsed: Option<Duration>,
    /// Whether PortOne is to be asked again.
    pub(crate) is_watched: bool,
    /// The confirm that began, if one did.
    pub(crate) origin: Option<Origin>,
}

/// Locks the booking's saga, then the payment.
pub(crate) async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<Locked>, sqlx::Error> {
    let saga = sqlx::query_scalar!(
        r#"
            select reservation_status as "reservation_status: ReservationStatus"
            from payment_service.payment_sagas
            where reservation_id = (select reservation_id from payment_service.payments where id = $1)
            for update
        "#,
        id,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(reservation_status) = saga else {
        return Ok(None);
    };
    let payment = select_payment!("where payments.id = $1 for update", id)
        .fetch_one(&mut *connection)
        .await?;
    let clock = sqlx::query!(
        r#"
            select
                clock_timestamp() as "now!",
                exists (select from payment_service.refunds where payment_id = $1) as "has_refund!",
                next_check_at is not null as "is_watched!",
                confirm_request_id,
                confirm_traceparent
            from payment_service.payments
            where id = $1
        "#,
        id,
    )
    .fetch_one(connection)
    .await?;
    let elapsed = payment
        .confirm_started_at
        .map(|start| (clock.now - start).to_std().unwrap_or_default());
    let origin = clock.confirm_request_id.zip(clock.confirm_traceparent);
    Ok(Some(Locked {
        payment,
        reservation_status,
        has_refund: clock.has_refund,
        elapsed,
        is_watched: clock.is_watched,
        origin: origin.map(|(request_id, traceparent)| Origin {
            request_id,
            traceparent,
        }),
    }))
}

/// What a new payment begins with.
pub(crate) struct NewPayment<'a> {
    pub(crate) id: Uuid,
    pub(crate) reservation_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) payment_key: Uuid,
    pub(crate) payment_method: &'a str,
    pub(crate) amount: i64,
    pub(crate) concert_id: Uuid,
    pub(crate) seat_ids: &'a [Uuid],
    pub(crate) reservation_version: i64,
    pub(crate) grant_id: Option<&'a str>,
    pub(crate) order_name: &'a str,
    pub(crate) expires_at: DateTime<Utc>,
}

/// Inserts a PENDING payment. Breaks `payments_payment_key_key` when the key was used before.
pub(crate) async fn insert(connection: &mut PgConnection, new: &NewPayment<'_>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            insert into payment_service.payments (
                id, reservation_id, user_id, payment_key, payment_method, amount, concert_id, seat_ids,
                reservation_version, grant_id, order_name, expires_at
            )
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        "#,
        new.id,
        new.reservation_id,
        new.user_id,
        new.payment_key,
        new.payment_method,
        new.amount,
        new.concert_id,
        new.seat_ids,
        new.reservation_version,
        new.grant_id,
        new.order_name,
        new.expires_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that PortOne knows the amount.
pub(crate) async fn mark_registered(connection: &mut PgConnection, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            update payment_service.payments
            set registered_at = coalesce(registered_at, clock_timestamp()), updated_at = clock_timestamp()
            where id = $1
        "#,
        id,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// PENDING → SUCCESS.
pub(crate) async fn succeed(
    connection: &mut PgConnection,
    id: Uuid,
    found: &PortonePayment,
) -> Result<DateTime<Utc>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
            update payment_service.payments
            set status = 'SUCCESS',
                captured = true,
                paid_at = coalesce($2, clock_timestamp()),
                portone_transaction_id = $3,
                portone_response = $4,
                next_check_at = null,
                updated_at = clock_timestamp()
            where id = $1 and status = 'PENDING'
            returning paid_at as "paid_at!"
        "#,
        id,
        found.paid_at,
        found.transaction_id,
        Json(found) as _,
    )
    .fetch_one(connection)
    .await
}

/// PENDING → FAILED without a capture. What PortOne was asked to charge is read again at `rereads` after the confirm's
/// beginning.
pub(crate) async fn fail(
    connection: &mut PgConnection,
    id: Uuid,
    reason: FailureReason,
    found: Option<&PortonePayment>,
    rereads: &[Duration],
) -> Result<(), sqlx::Error> {
    let rereads: Vec<f64> = rereads.iter().copied().map(seconds).collect();
    let result = sqlx::query!(
        r#"
            update payment_service.payments
            set status = 'FAILED',
                failure_reason = $2,
                portone_transaction_id = coalesce($3, portone_transaction_id),
                portone_response = coalesce($4, portone_response),
                next_check_at = (
                    select min(confirm_started_at + make_interval(secs => after))
                    from unnest($5::float8[]) as after
                    where locked_at is not null
                        and confirm_started_at + make_interval(secs => after) > clock_timestamp()
                ),
                updated_at = clock_timestamp()
            where id = $1 and status = 'PENDING'
        "#,
        id,
        reason.as_str(),
        found.map(|found| found.transaction_id.as_str()),
        found.map(Json) as _,
        &rereads,
    )
    .execute(connection)
    .await?;
    expect_one(&result)
}

/// Notes a capture on a payment that is or becomes FAILED; `reason` is why it becomes so.
pub(crate) async fn fail_captured(
    connection: &mut PgConnection,
    id: Uuid,
    reason: FailureReason,
    found: &PortonePayment,
) -> Result<(), sqlx::Error> {
    let result = sqlx::query!(
        r#"
            update payment_service.payments
            set status = 'FAILED',
                failure_reason = coalesce(failure_reason, $2),
                captured = true,
                paid_at = coalesce($3, paid_at),
                portone_transaction_id = $4,
                portone_response = $5,
                next_check_at = null,
                updated_at = clock_timestamp()
            where id = $1 and status in ('PENDING', 'FAILED')
        "#,
        id,
        reason.as_str(),
        found.paid_at,
        found.transaction_id,
        Json(found) as _,
    )
    .execute(connection)
    .await?;
    expect_one(&result)
}

/// SUCCESS or captured FAILED → REFUNDED.
pub(crate) async fn refunded(
    connection: &mut PgConnection,
    id: Uuid,
    found: &PortonePayment,
) -> Result<(), sqlx::Error> {
    let result = sqlx::query!(
        r#"
            update payment_service.payments
            set status = 'REFUNDED',
                portone_response = $2,
                next_check_at = null,
                updated_at = clock_timestamp()
            where id = $1 and (status = 'SUCCESS' or (status = 'FAILED' and captured))
        "#,
        id,
        Json(found) as _,
    )
    .execute(connection)
    .await?;
    expect_one(&result)
}

/// Keeps PortOne's last answer without any other change.
pub(crate) async fn record_answer(
    connection: &mut PgConnection,
    id: Uuid,
    found: &PortonePayment,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            update payment_service.payments
            set portone_response = $2, updated_at = clock_timestamp()
            where id = $1
        "#,
        id,
        Json(found) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// How many payments of the reservation were declined.
pub(crate) async fn count_declines(connection: &mut PgConnection, reservation: Uuid) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
            select count(*) as "count!"
            from payment_service.payments
            where reservation_id = $1 and failure_reason = 'DECLINED'
        "#,
        reservation,
    )
    .fetch_one(connection)
    .await
}

/// Unconfirmed payments whose hold is over.
pub(crate) async fn find_expired(connection: &mut PgConnection, limit: i64) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
            select id
            from payment_service.payments
            where status = 'PENDING' and confirm_started_at is null and expires_at <= clock_timestamp()
            order by expires_at
            limit $1
        "#,
        limit,
    )
    .fetch_all(connection)
    .await
}
