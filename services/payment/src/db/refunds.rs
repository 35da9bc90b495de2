//! `refunds`: money that must go back.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

use super::seconds;
use crate::domain::{RefundReason, RefundStatus};

/// Asks for a refund; `false` if there is one already, which then stands.
pub(crate) async fn request(
    connection: &mut PgConnection,
    payment: Uuid,
    amount: i64,
    reason: RefundReason,
    retry_for: Duration,
) -> Result<bool, sqlx::Error> {
    let result = sqlx::query!(
        r#"
            insert into payment_service.refunds (id, payment_id, amount, reason, deadline_at)
            values ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5))
            on conflict (payment_id) do nothing
        "#,
        Uuid::now_v7(),
        payment,
        amount,
        reason.as_str(),
        seconds(retry_for),
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Notes a refund that was done without us.
pub(crate) async fn record_done(
    connection: &mut PgConnection,
    payment: Uuid,
    amount: i64,
    reason: RefundReason,
    completed_at: Option<DateTime<Utc>>,
) -> Result<DateTime<Utc>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
            insert into payment_service.refunds
                (id, payment_id, amount, reason, status, next_attempt_at, deadline_at, completed_at)
            values ($1, $2, $3, $4, 'SUCCEEDED', null, clock_timestamp(), coalesce($5, clock_timestamp()))
            returning completed_at as "completed_at!"
        "#,
        Uuid::now_v7(),
        payment,
        amount,
        reason.as_str(),
        completed_at,
    )
    .fetch_one(connection)
    .await
}

/// Lets the worker look at an unfinished refund at once, also at one that was given up: PortOne shows it as done.
pub(crate) async fn hurry(connection: &mut PgConnection, payment: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            update payment_service.refunds
            set status = case status when 'FAILED' then 'REQUESTED' else status end,
                next_attempt_at = clock_timestamp()
            where payment_id = $1 and status <> 'SUCCEEDED'
        "#,
        payment,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A refund that this replica works at.
pub(crate) struct Due {
    pub(crate) id: Uuid,
    pub(crate) payment_id: Uuid,
    pub(crate) reason: String,
    /// Counted from 1.
    pub(crate) attempts: i32,
    /// Whether this is the last try.
    pub(crate) past_deadline: bool,
}

/// Refunds that wait in a line of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of one booking.
    Single,
    /// One of the many of a cancelled event.
    OfCancelledEvent,
}

/// Takes due refunds of a kind for this replica and counts the attempt; one whose worker died comes up again after `lease`.
pub(crate) async fn claim(
    connection: &mut PgConnection,
    kind: Kind,
    lease: Duration,
    limit: i64,
) -> Result<Vec<Due>, sqlx::Error> {
    sqlx::query_as!(
        Due,
        r#"
            update payment_service.refunds
            set status = 'PROCESSING',
                attempts = attempts + 1,
                next_attempt_at = clock_timestamp() + make_interval(secs => $1)
            where id in (
                select id
                from payment_service.refunds
                where (reason = 'EVENT_CANCELLED') = $3 and next_attempt_at <= clock_timestamp()
                order by next_attempt_at
                limit $2
                for update skip locked
            )
            returning id, payment_id, reason, attempts, deadline_at <= clock_timestamp() as "past_deadline!"
        "#,
        seconds(lease),
        limit,
        kind == Kind::OfCancelledEvent,
    )
    .fetch_all(connection)
    .await
}

/// A refund, locked.
pub(crate) struct LockedRefund {
    pub(crate) status: RefundStatus,
    pub(crate) amount: i64,
    pub(crate) reason: String,
    pub(crate) requested_at: DateTime<Utc>,
}

/// Locks a payment's refund. The caller has locked the payment.
pub(crate) async fn lock(connection: &mut PgConnection, payment: Uuid) -> Result<Option<LockedRefund>, sqlx::Error> {
    sqlx::query_as!(
        LockedRefund,
        r#"
            select status as "status: RefundStatus", amount, reason, requested_at
            from payment_service.refunds
            where payment_id = $1
            for update
        "#,
        payment,
    )
    .fetch_optional(connection)
    .await
}

/// → SUCCEEDED.
pub(crate) async fn succeed(
    connection: &mut PgConnection,
    payment: Uuid,
    completed_at: Option<DateTime<Utc>>,
) -> Result<DateTime<Utc>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
            update payment_service.refunds
            set status = 'SUCCEEDED',
                next_attempt_at = null,
                completed_at = coalesce($2, clock_timestamp()),
                last_error = null
            where payment_id = $1 and status in ('REQUESTED', 'PROCESSING')
            returning completed_at as "completed_at!"
        "#,
        payment,
        completed_at,
    )
    .fetch_one(connection)
    .await
}

/// Tries again after a while; at once if somebody has hurried it meanwhile. An attempt that another one has overtaken
/// changes nothing.
pub(crate) async fn retry(
    connection: &mut PgConnection,
    due: &Due,
    after: Duration,
    error: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            update payment_service.refunds
            set next_attempt_at = case
                    when next_attempt_at <= clock_timestamp() then next_attempt_at
                    else clock_timestamp() + make_interval(secs => $2)
                end,
                last_error = $3
            where id = $1 and status = 'PROCESSING' and attempts = $4
        "#,
        due.id,
        seconds(after),
        error,
        due.attempts,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// PROCESSING → FAILED: the operator's from now on. `false` if somebody has hurried it meanwhile, or another attempt has
/// overtaken this one.
pub(crate) async fn give_up(connection: &mut PgConnection, due: &Due, error: &str) -> Result<bool, sqlx::Error> {
    let result = sqlx::query!(
        r#"
            update payment_service.refunds
            set status = 'FAILED', next_attempt_at = null, last_error = $2
            where id = $1 and status = 'PROCESSING' and attempts = $3 and next_attempt_at > clock_timestamp()
        "#,
        due.id,
        error,
        due.attempts,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// How many refunds wait for the operator.
pub(crate) async fn count_failed(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
            select count(*) as "count!"
            from payment_service.refunds
            where status = 'FAILED'
        "#,
    )
    .fetch_one(connection)
    .await
}
