use crate::domain::Tickets;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// A live pending reservation with the seats it holds.
#[derive(Clone, Debug)]
pub(crate) struct PendingHold {
    pub(crate) tickets: Tickets,
    /// How long the hold lasts; nothing while a payment runs, which has no limit.
    pub(crate) left: Option<Duration>,
}

/// The next `limit` live pending reservations of all events, by buyer and event, after the one of `after`.
///
/// One that is committed while somebody pages through them may be passed over; it was held in Redis a moment before.
pub(crate) async fn pending_holds(
    connection: &mut PgConnection,
    after: (Uuid, Uuid),
    limit: i64,
) -> Result<Vec<PendingHold>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
            select
                id,
                user_id,
                event_id,
                case when payment_lock_id is null
                    then extract(epoch from hold_expires_at - clock_timestamp())::double precision
                end as seconds_left,
                array(
                    select seat_id
                    from reservation_service.seat_assignments
                    where reservation_id = reservation.id and state = 'HELD' and expires_at > clock_timestamp()
                    order by seat_id
                ) as "seat_ids!"
            from reservation_service.reservations as reservation
            where status = 'PENDING'
                and (user_id, event_id) > ($1, $2)
                and (payment_lock_id is not null or hold_expires_at > clock_timestamp())
            order by user_id, event_id
            limit $3
        "#,
        after.0,
        after.1,
        limit,
    )
    .fetch_all(connection)
    .await?;
    let holds = rows.into_iter().map(|row| PendingHold {
        tickets: Tickets {
            reservation_id: row.id,
            user_id: row.user_id,
            event_id: row.event_id,
            seat_ids: row.seat_ids,
        },
        left: row
            .seconds_left
            .map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()),
    });
    Ok(holds.collect())
}

/// Which seats these reservations hold now, each with its reservation.
pub(crate) async fn seats_still_held(
    connection: &mut PgConnection,
    reservation_ids: &[Uuid],
) -> Result<Vec<(Uuid, Uuid)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
            select reservation_id, seat_id
            from reservation_service.seat_assignments
            where reservation_id = any($1) and state = 'HELD' and expires_at > clock_timestamp()
        "#,
        reservation_ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.reservation_id, row.seat_id)).collect())
}

/// A buyer who holds or pays for seats.
#[derive(Clone, Debug)]
pub(crate) struct BuyerAtWork {
    pub(crate) reservation_id: Uuid,
    pub(crate) user_id: Uuid,
    /// The queue's grant.
    pub(crate) grant_id: Option<String>,
    pub(crate) hold_expires_at: DateTime<Utc>,
    /// Whether a payment runs, so that the hold has no end for now.
    pub(crate) paying: bool,
}

/// The next `limit` buyers with a live pending reservation of an event, by reservation, after that one.
pub(crate) async fn buyers_at_work(
    connection: &mut PgConnection,
    event_id: Uuid,
    after: Uuid,
    limit: i64,
) -> Result<Vec<BuyerAtWork>, sqlx::Error> {
    sqlx::query_as!(
        BuyerAtWork,
        r#"
            select
                id as reservation_id,
                user_id,
                grant_id,
                hold_expires_at,
                payment_lock_id is not null as "paying!"
            from reservation_service.reservations
            where event_id = $1
                and status = 'PENDING'
                and id > $2
                and (payment_lock_id is not null or hold_expires_at > clock_timestamp())
            order by id
            limit $3
        "#,
        event_id,
        after,
        limit,
    )
    .fetch_all(connection)
    .await
}
