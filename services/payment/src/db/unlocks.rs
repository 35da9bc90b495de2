//! Locks of reservations that ended payments must still give back.

use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

use super::seconds;

/// A lock to give back.
pub(crate) struct DueUnlock {
    pub(crate) payment_id: Uuid,
    pub(crate) reservation_id: Uuid,
}

/// Notes that the payment's lock must be given back.
pub(crate) async fn schedule(connection: &mut PgConnection, payment: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            update payment_service.payments
            set unlock_due_at = clock_timestamp(), updated_at = clock_timestamp()
            where id = $1
        "#,
        payment,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes due ones for this replica; what is not done comes up again after `lease`.
pub(crate) async fn claim(
    connection: &mut PgConnection,
    lease: Duration,
    limit: i64,
) -> Result<Vec<DueUnlock>, sqlx::Error> {
    sqlx::query_as!(
        DueUnlock,
        r#"
            update payment_service.payments
            set unlock_due_at = clock_timestamp() + make_interval(secs => $1)
            where id in (
                select id
                from payment_service.payments
                where unlock_due_at <= clock_timestamp()
                order by unlock_due_at
                limit $2
                for update skip locked
            )
            returning id as payment_id, reservation_id
        "#,
        seconds(lease),
        limit,
    )
    .fetch_all(connection)
    .await
}

/// Notes that the lock was given back.
pub(crate) async fn done(connection: &mut PgConnection, payment: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            update payment_service.payments
            set unlock_due_at = null, updated_at = clock_timestamp()
            where id = $1
        "#,
        payment,
    )
    .execute(connection)
    .await?;
    Ok(())
}
