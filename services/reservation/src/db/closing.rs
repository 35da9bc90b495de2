//! Events that take nobody any more, and the end of their reservations (`design.md` §8.5).

use super::ended::{self, Ended};
use messages::{CancelReason, ReservationCancelled};
use sqlx::PgConnection;
use uuid::Uuid;

/// Why an event is closed. Words of `closed_events.reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// It will not take place: its reservations are ended one chunk after the other.
    Cancelled,
    /// It is about to be deleted, and nobody has a claim on it.
    Deleted,
}

impl Closing {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "CANCELLED",
            Self::Deleted => "DELETED",
        }
    }
}

/// Closes an event; one that was closed before stays as it is. The caller has the event for itself
/// ([`super::lock_event`]), so that everybody who found it open has ended.
pub(crate) async fn close_event(
    connection: &mut PgConnection,
    event_id: Uuid,
    closing: Closing,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            insert into reservation_service.closed_events (event_id, reason, finished_at)
            values ($1, $2, case when $3 then clock_timestamp() end)
            on conflict (event_id) do nothing
        "#,
        event_id,
        closing.as_str(),
        closing == Closing::Deleted,
    )
    .execute(connection)
    .await
    .map(|_| ())
}

/// Closed events whose reservations may not all have been ended yet, longest closed first.
pub(crate) async fn unfinished_closings(connection: &mut PgConnection) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
            select event_id
            from reservation_service.closed_events
            where finished_at is null
            order by closed_at
        "#,
    )
    .fetch_all(connection)
    .await
}

/// Locks up to `limit` live reservations of a closed event, with their assignments first. Those that a payment has locked are
/// left to its outcome. What another transaction is working on is passed over, so this waits for nobody; and because each
/// replica takes others at random, they do not all come for the same ones.
pub(crate) async fn lock_live(
    connection: &mut PgConnection,
    event_id: Uuid,
    limit: i64,
) -> Result<Vec<Uuid>, sqlx::Error> {
    let candidates = sqlx::query_scalar!(
        r#"
            select id
            from reservation_service.reservations
            where event_id = $1 and status in ('PENDING', 'CONFIRMED') and payment_lock_id is null
            order by random()
            limit $2
        "#,
        event_id,
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
                and status in ('PENDING', 'CONFIRMED')
                and payment_lock_id is null
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

/// Cancels locked reservations of a closed event, frees their seats, and asks for the money of those that were paid.
/// Returns what is to be told of each.
pub(crate) async fn cancel_live(
    connection: &mut PgConnection,
    ids: &[Uuid],
) -> Result<Vec<ReservationCancelled>, sqlx::Error> {
    ended::free_seats(connection, ids).await?;
    let ended = sqlx::query_as!(
        Ended,
        r#"
            update reservation_service.reservations as reservation
            set status = 'CANCELLED',
                cancel_reason = 'EVENT_CANCELLED',
                cancelled_at = clock_timestamp(),
                -- A refund by hand at the provider may have been told before.
                refund_status = case status when 'CONFIRMED' then coalesce(refund_status, 'REQUESTED') end,
                refund_amount = case status when 'CONFIRMED' then coalesce(refund_amount, total_amount) end,
                refund_requested_at =
                    case status when 'CONFIRMED' then coalesce(refund_requested_at, clock_timestamp()) end,
                version = version + 1,
                updated_at = clock_timestamp()
            where id = any($1) and status in ('PENDING', 'CONFIRMED') and payment_lock_id is null
            returning
                reservation.id as "id!",
                reservation.user_id as "user_id!",
                reservation.event_id as "event_id!",
                reservation.total_amount as "total_amount!",
                reservation.payment_id,
                reservation.version as "version!",
                reservation.grant_id,
                reservation.cancelled_at as "cancelled_at!",
                old.status = 'CONFIRMED' as "was_confirmed!",
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
    ended::messages(ended, ids.len(), CancelReason::EventCancelled)
}

/// Notes that no live reservation of a closed event is left, if so; nothing can bring one back. Whether it was noted now.
pub(crate) async fn finish_closing(connection: &mut PgConnection, event_id: Uuid) -> Result<bool, sqlx::Error> {
    let result = sqlx::query!(
        r#"
            update reservation_service.closed_events
            set finished_at = clock_timestamp()
            where event_id = $1
                and finished_at is null
                and not exists (
                    select from reservation_service.reservations
                    where event_id = $1 and status in ('PENDING', 'CONFIRMED')
                )
        "#,
        event_id,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}
