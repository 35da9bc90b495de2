//! When PortOne is asked about a payment again.

use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

use super::seconds;

/// Takes payments that are due for this replica. Unless their check is rescheduled, they come up again after `lease`, so
/// one whose checker died or got no answer is not forgotten.
pub(crate) async fn claim(
    connection: &mut PgConnection,
    lease: Duration,
    limit: i64,
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
            update payment_service.payments
            set next_check_at = clock_timestamp() + make_interval(secs => $1)
            where id in (
                select id
                from payment_service.payments
                where next_check_at <= clock_timestamp()
                order by next_check_at
                limit $2
                for update skip locked
            )
            returning id
        "#,
        seconds(lease),
        limit,
    )
    .fetch_all(connection)
    .await
}

/// Asks again after `interval`, but not before `first` after the beginning of the confirm: until then it may still run.
pub(crate) async fn again_after(
    connection: &mut PgConnection,
    payment: Uuid,
    interval: Duration,
    first: Duration,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            update payment_service.payments
            set next_check_at = greatest(
                clock_timestamp() + make_interval(secs => $2),
                confirm_started_at + make_interval(secs => $3)
            )
            where id = $1
        "#,
        payment,
        seconds(interval),
        seconds(first),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Asks again at the next of `rereads` after the beginning of the confirm, or never if all are past. Only what ended
/// FAILED after PortOne may have been asked to charge is read again.
pub(crate) async fn at_next_reread(
    connection: &mut PgConnection,
    payment: Uuid,
    rereads: &[Duration],
) -> Result<(), sqlx::Error> {
    let rereads: Vec<f64> = rereads.iter().copied().map(seconds).collect();
    sqlx::query!(
        r#"
            update payment_service.payments
            set next_check_at = (
                select min(confirm_started_at + make_interval(secs => after))
                from unnest($2::float8[]) as after
                where status = 'FAILED'
                    and not captured
                    and locked_at is not null
                    and confirm_started_at + make_interval(secs => after) > clock_timestamp()
            )
            where id = $1 and next_check_at is not null
        "#,
        payment,
        &rereads,
    )
    .execute(connection)
    .await?;
    Ok(())
}
