//! What is under way, for administrators. Each count is of a small index of just these rows, however many payments there are.

use common::vitals::first_id_within;
use sqlx::PgConnection;
use std::time::Duration;

use super::seconds;

/// What counts as new.
const LATELY: Duration = Duration::from_secs(60);

/// What is under way and what is stuck.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Money {
    /// Payments that were begun and are not being confirmed yet.
    pub(crate) begun: i64,
    /// Payments being confirmed, or of which PortOne is asked.
    pub(crate) confirming: i64,
    /// Of the payments begun in the last minute: those that succeeded.
    pub(crate) lately_succeeded: i64,
    /// Those that failed.
    pub(crate) lately_failed: i64,
    /// Paid bookings of which the reservation service has not said what became of them.
    pub(crate) sagas_awaited: i64,
    /// Those of them that have waited too long.
    pub(crate) sagas_stuck: i64,
    pub(crate) refunds_under_way: i64,
    pub(crate) refunds_failed: i64,
}

/// Counts it. A booking is stuck `stuck_after` its payment.
pub(crate) async fn count(connection: &mut PgConnection, stuck_after: Duration) -> Result<Money, sqlx::Error> {
    sqlx::query_as!(
        Money,
        r#"
            select
                (
                    select count(*)
                    from payment_service.payments
                    where status = 'PENDING' and confirm_started_at is null
                ) as "begun!",
                (
                    select count(*)
                    from payment_service.payments
                    where next_check_at is not null and status = 'PENDING' and confirm_started_at is not null
                ) as "confirming!",
                lately.succeeded as "lately_succeeded!",
                lately.failed as "lately_failed!",
                sagas.awaited as "sagas_awaited!",
                sagas.stuck as "sagas_stuck!",
                (
                    select count(*)
                    from payment_service.refunds
                    where next_attempt_at is not null
                ) as "refunds_under_way!",
                (
                    select count(*)
                    from payment_service.refunds
                    where status = 'FAILED'
                ) as "refunds_failed!"
            from (
                select
                    count(*) filter (where status = 'SUCCESS') as succeeded,
                    count(*) filter (where status = 'FAILED') as failed
                from payment_service.payments
                where id >= $1
            ) as lately
            cross join (
                select
                    count(*) as awaited,
                    count(*) filter (where step_since < clock_timestamp() - make_interval(secs => $2)) as stuck
                from payment_service.payment_sagas
                where next_nudge_at is not null
            ) as sagas
        "#,
        first_id_within(LATELY),
        seconds(stuck_after),
    )
    .fetch_one(connection)
    .await
}
