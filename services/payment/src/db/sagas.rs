//! `payment_sagas`: one row per booking, and the lock that orders its messages.

use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

use super::seconds;
use crate::domain::{Payment, ReservationStatus, SagaStep};

/// Makes the booking's saga unless it exists, and locks it. An existing one is left as it is.
pub(crate) async fn open(
    connection: &mut PgConnection,
    reservation: Uuid,
    user: Uuid,
    payment: Uuid,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            insert into payment_service.payment_sagas (reservation_id, user_id, payment_id)
            values ($1, $2, $3)
            on conflict (reservation_id) do update set updated_at = clock_timestamp()
        "#,
        reservation,
        user,
        payment,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes `payment` the one that the saga tells of.
pub(crate) async fn restart(
    connection: &mut PgConnection,
    reservation: Uuid,
    payment: Uuid,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            update payment_service.payment_sagas
            set payment_id = $2,
                step = $3,
                step_since = clock_timestamp(),
                nudges = 0,
                next_nudge_at = null,
                updated_at = clock_timestamp()
            where reservation_id = $1
        "#,
        reservation,
        payment,
        SagaStep::Started.as_str(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Locks the saga of a reservation and takes over what the reservation service says, unless we know something newer.
/// `false` if nobody ever began to pay for it.
pub(crate) async fn note_reservation(
    connection: &mut PgConnection,
    reservation: Uuid,
    status: ReservationStatus,
    version: i64,
) -> Result<bool, sqlx::Error> {
    let result = sqlx::query!(
        r#"
            update payment_service.payment_sagas
            set reservation_status = case when reservation_version < $3 then $2 else reservation_status end,
                reservation_version = greatest(reservation_version, $3),
                updated_at = clock_timestamp()
            where reservation_id = $1
        "#,
        reservation,
        status.as_str(),
        version,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Moves the saga on, if it is about this payment. `await_news` is after how long without news it counts as stuck.
pub(crate) async fn enter(
    connection: &mut PgConnection,
    payment: &Payment,
    step: SagaStep,
    await_news: Option<Duration>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            update payment_service.payment_sagas
            set step = $3,
                step_since = clock_timestamp(),
                nudges = 0,
                next_nudge_at = clock_timestamp() + make_interval(secs => $4),
                updated_at = clock_timestamp()
            where reservation_id = $1 and payment_id = $2
        "#,
        payment.reservation_id,
        payment.id,
        step.as_str(),
        await_news.map(seconds),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// PAID → CONFIRMED.
pub(crate) async fn confirm(
    connection: &mut PgConnection,
    reservation: Uuid,
    payment: Uuid,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            update payment_service.payment_sagas
            set step = $3,
                step_since = clock_timestamp(),
                next_nudge_at = null,
                updated_at = clock_timestamp()
            where reservation_id = $1 and payment_id = $2 and step = $4
        "#,
        reservation,
        payment,
        SagaStep::Confirmed.as_str(),
        SagaStep::Paid.as_str(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A saga that nobody has told us the end of.
pub(crate) struct Stuck {
    pub(crate) reservation_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) payment_id: Uuid,
    pub(crate) nudges: i32,
}

/// Takes stuck sagas for this replica; they come up again after `again_after`.
pub(crate) async fn claim_stuck(
    connection: &mut PgConnection,
    again_after: Duration,
    limit: i64,
) -> Result<Vec<Stuck>, sqlx::Error> {
    sqlx::query_as!(
        Stuck,
        r#"
            update payment_service.payment_sagas
            set nudges = nudges + 1,
                next_nudge_at = clock_timestamp() + make_interval(secs => $1),
                updated_at = clock_timestamp()
            where reservation_id in (
                select reservation_id
                from payment_service.payment_sagas
                where next_nudge_at <= clock_timestamp()
                order by next_nudge_at
                limit $2
                for update skip locked
            )
            returning reservation_id, user_id, payment_id, nudges
        "#,
        seconds(again_after),
        limit,
    )
    .fetch_all(connection)
    .await
}

/// How many sagas have waited for news for longer than `after`.
pub(crate) async fn count_stuck(connection: &mut PgConnection, after: Duration) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
            select count(*) as "count!"
            from payment_service.payment_sagas
            where next_nudge_at is not null and step_since < clock_timestamp() - make_interval(secs => $1)
        "#,
        seconds(after),
    )
    .fetch_one(connection)
    .await
}

/// Whether a message about the payment has not been published yet.
pub(crate) async fn is_message_waiting(connection: &mut PgConnection, payment: Uuid) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
            select exists (
                select
                from common.outbox_events
                where producer = session_user::text and not published and aggregate_id = $1
            ) as "exists!"
        "#,
        payment,
    )
    .fetch_one(connection)
    .await
}
