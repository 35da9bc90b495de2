//! `webhook_deliveries`: what PortOne told us, once each.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

use super::seconds;

/// A webhook whose signature held.
pub(crate) struct NewDelivery<'a> {
    pub(crate) webhook_id: &'a str,
    pub(crate) event_type: &'a str,
    /// PortOne's payment id, if the event is about a payment.
    pub(crate) payment_id: Option<&'a str>,
    pub(crate) event_at: Option<DateTime<Utc>>,
    /// What came of it, if nothing needs to be done.
    pub(crate) outcome: Option<&'a str>,
}

/// Stores a delivery; `false` if it was stored before.
pub(crate) async fn insert(connection: &mut PgConnection, new: &NewDelivery<'_>) -> Result<bool, sqlx::Error> {
    let result = sqlx::query!(
        r#"
            insert into payment_service.webhook_deliveries
                (webhook_id, event_type, payment_id, event_at, outcome, next_attempt_at)
            values ($1, $2, $3, $4, $5, case when $5::text is null then clock_timestamp() end)
            on conflict (webhook_id) do nothing
        "#,
        new.webhook_id,
        new.event_type,
        new.payment_id,
        new.event_at,
        new.outcome,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// A delivery that this replica works at.
pub(crate) struct Due {
    pub(crate) webhook_id: String,
    pub(crate) event_type: String,
    pub(crate) payment_id: Option<String>,
    /// Counted from 1.
    pub(crate) attempts: i32,
    /// Whether it is too old to be tried again.
    pub(crate) is_old: bool,
}

/// Takes due deliveries for this replica; one whose worker died comes up again after `lease`.
pub(crate) async fn claim(
    connection: &mut PgConnection,
    lease: Duration,
    retry_for: Duration,
    limit: i64,
) -> Result<Vec<Due>, sqlx::Error> {
    sqlx::query_as!(
        Due,
        r#"
            update payment_service.webhook_deliveries
            set attempts = attempts + 1,
                next_attempt_at = clock_timestamp() + make_interval(secs => $1)
            where webhook_id in (
                select webhook_id
                from payment_service.webhook_deliveries
                where next_attempt_at <= clock_timestamp()
                order by next_attempt_at
                limit $3
                for update skip locked
            )
            returning
                webhook_id,
                event_type,
                payment_id,
                attempts,
                received_at + make_interval(secs => $2) <= clock_timestamp() as "is_old!"
        "#,
        seconds(lease),
        seconds(retry_for),
        limit,
    )
    .fetch_all(connection)
    .await
}

/// Done with it.
pub(crate) async fn finish(connection: &mut PgConnection, webhook_id: &str, outcome: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            update payment_service.webhook_deliveries
            set outcome = $2, next_attempt_at = null
            where webhook_id = $1
        "#,
        webhook_id,
        outcome,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Tries again after a while.
pub(crate) async fn retry(connection: &mut PgConnection, webhook_id: &str, after: Duration) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            update payment_service.webhook_deliveries
            set next_attempt_at = clock_timestamp() + make_interval(secs => $2)
            where webhook_id = $1 and outcome is null
        "#,
        webhook_id,
        seconds(after),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes some of the deliveries that were received longer ago than `age`.
pub(crate) async fn delete_old(connection: &mut PgConnection, age: Duration, limit: i64) -> Result<u64, sqlx::Error> {
    let result = sqlx::query!(
        r#"
            delete from payment_service.webhook_deliveries
            where webhook_id in (
                select webhook_id
                from payment_service.webhook_deliveries
                where received_at < clock_timestamp() - make_interval(secs => $1) and next_attempt_at is null
                limit $2
                for update skip locked
            )
        "#,
        seconds(age),
        limit,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected())
}

/// The payment that a delivery names, as far as it is one of ours.
pub(crate) fn payment_of(due: &Due) -> Option<Uuid> {
    due.payment_id.as_deref().and_then(crate::domain::portone_id_to_uuid)
}
