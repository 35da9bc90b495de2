//! The steps of a confirm that are committed in the payment's own row (see `confirm`).

use common::context::Origin;
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

use super::seconds;

/// Step 1 of the confirm: of all who try while the hold lasts, one wins. From here on the reconciler knows of it, should
/// the winner die, and whoever settles the payment then goes on in the winner's trace.
pub(crate) async fn begin_confirm(
    connection: &mut PgConnection,
    id: Uuid,
    reconcile_after: Duration,
    origin: &Origin,
) -> Result<bool, sqlx::Error> {
    let result = sqlx::query!(
        r#"
            update payment_service.payments
            set confirm_started_at = clock_timestamp(),
                next_check_at = clock_timestamp() + make_interval(secs => $2),
                confirm_request_id = $3,
                confirm_traceparent = $4,
                updated_at = clock_timestamp()
            where id = $1
                and status = 'PENDING'
                and confirm_started_at is null
                and expires_at > clock_timestamp()
        "#,
        id,
        seconds(reconcile_after),
        origin.request_id,
        origin.traceparent,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Step 2 of the confirm, once the reservation is locked: what is paid for is what is locked. PortOne is asked to charge
/// only after this has said `true`.
pub(crate) async fn record_lock(
    connection: &mut PgConnection,
    id: Uuid,
    reservation_version: i64,
    grant_id: Option<&str>,
) -> Result<bool, sqlx::Error> {
    let result = sqlx::query!(
        r#"
            update payment_service.payments
            set locked_at = clock_timestamp(),
                reservation_version = $2,
                grant_id = coalesce($3, grant_id),
                updated_at = clock_timestamp()
            where id = $1 and status = 'PENDING' and confirm_started_at is not null and locked_at is null
        "#,
        id,
        reservation_version,
        grant_id,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Undoes steps 1 and 2: PortOne is certain not to have been asked and the reservation's lock is given back, so the buyer
/// may confirm again.
pub(crate) async fn release_confirm(connection: &mut PgConnection, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            update payment_service.payments
            set confirm_started_at = null, locked_at = null, next_check_at = null, updated_at = clock_timestamp()
            where id = $1 and status = 'PENDING'
        "#,
        id,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether the hold that the payment is for is over.
pub(crate) async fn is_hold_over(connection: &mut PgConnection, id: Uuid) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
            select expires_at <= clock_timestamp() as "is_over!"
            from payment_service.payments
            where id = $1
        "#,
        id,
    )
    .fetch_one(connection)
    .await
}
