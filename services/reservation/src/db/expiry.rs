use super::ended::{self, Ended};
use messages::{CancelReason, ReservationCancelled};
use sqlx::PgConnection;
use uuid::Uuid;

/// Locks up to `limit` pending reservations whose hold is over and that no payment has locked, with their assignments. What
/// another transaction is working on is skipped, not waited for: it decides about it itself.
pub(crate) async fn lock_expired(connection: &mut PgConnection, limit: i64) -> Result<Vec<Uuid>, sqlx::Error> {
    let candidates = sqlx::query_scalar!(
        r#"
            select id
            from reservation_service.reservations
            where status = 'PENDING' and payment_lock_id is null and hold_expires_at <= clock_timestamp()
            order by hold_expires_at
            limit $1
        "#,
        limit,
    )
    .fetch_all(&mut *connection)
    .await?;
    if candidates.is_empty() {
        return Ok(candidates);
    }
    let seats = ended::lock_assignments(connection, &candidates).await?;
    sqlx::query_scalar!(
        r#"
            select id
            from reservation_service.reservations as reservation
            where id = any($1)
                and status = 'PENDING'
                and payment_lock_id is null
                and hold_expires_at <= clock_timestamp()
                and not exists (
                    select from reservation_service.seat_assignments
                    where reservation_id = reservation.id and seat_id <> all($2)
                )
            order by id
            for update skip locked
        "#,
        &candidates,
        &seats,
    )
    .fetch_all(connection)
    .await
}

/// Locks the wanted seats' assignments together with all those of the reservations that are to make way, by seat, then
/// these reservations. Whether each of them is still pending, expired and unlocked.
pub(crate) async fn lock_takeover(
    connection: &mut PgConnection,
    event_id: Uuid,
    wanted_seats: &[Uuid],
    displaced: &[Uuid],
) -> Result<bool, sqlx::Error> {
    sqlx::query!(
        r#"
            select seat_id
            from reservation_service.seat_assignments
            where event_id = $1 and (seat_id = any($2) or reservation_id = any($3))
            order by seat_id
            for update
        "#,
        event_id,
        wanted_seats,
        displaced,
    )
    .fetch_all(&mut *connection)
    .await?;
    let locked = sqlx::query!(
        r#"
            select id
            from reservation_service.reservations
            where id = any($1)
                and status = 'PENDING'
                and payment_lock_id is null
                and hold_expires_at <= clock_timestamp()
            order by id
            for update
        "#,
        displaced,
    )
    .fetch_all(connection)
    .await?;
    Ok(locked.len() == displaced.len())
}

/// Cancels locked reservations whose hold is over and frees their seats. Returns what is to be told of each.
pub(crate) async fn expire(
    connection: &mut PgConnection,
    ids: &[Uuid],
) -> Result<Vec<ReservationCancelled>, sqlx::Error> {
    ended::free_seats(connection, ids).await?;
    let expired = sqlx::query_as!(
        Ended,
        r#"
            update reservation_service.reservations as reservation
            set status = 'CANCELLED',
                cancel_reason = 'HOLD_EXPIRED',
                cancelled_at = clock_timestamp(),
                version = version + 1,
                updated_at = clock_timestamp()
            where id = any($1)
                and status = 'PENDING'
                and payment_lock_id is null
                and hold_expires_at <= clock_timestamp()
            returning
                id,
                user_id,
                event_id,
                total_amount,
                payment_id,
                version,
                grant_id,
                cancelled_at as "cancelled_at!",
                false as "was_confirmed!",
                array(
                    select seat_id
                    from reservation_service.reservation_seats
                    where reservation_id = reservation.id
                    order by seat_id
                ) as "seat_ids!"
        "#,
        ids,
    )
    .fetch_all(connection)
    .await?;
    ended::messages(expired, ids.len(), CancelReason::HoldExpired)
}
