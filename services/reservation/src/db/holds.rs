use crate::domain::ReservedSeat;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// What a hold asks before it takes anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SurveyRequest<'a> {
    pub(crate) user_id: Uuid,
    pub(crate) event_id: Uuid,
    pub(crate) seat_ids: &'a [Uuid],
    pub(crate) hold_for: Duration,
}

/// How things stand for a hold, in one snapshot taken under its locks.
#[derive(Clone, Debug)]
pub(crate) struct Survey {
    pub(crate) now: DateTime<Utc>,
    /// When a hold taken now ends.
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) event_closed: bool,
    /// The newest version of the event that messages told of; 0 if none did.
    pub(crate) event_version: i64,
    /// How many seats of the event the buyer has for good.
    pub(crate) confirmed_seats: i64,
    /// The buyer's pending reservation of this event.
    pub(crate) pending_id: Option<Uuid>,
    /// Whether that one still counts: it has not expired, or a payment runs.
    pub(crate) pending_live: Option<bool>,
    /// Its seats, sorted.
    pub(crate) pending_seats: Vec<Uuid>,
    /// Which of the wanted seats somebody has.
    pub(crate) taken: Vec<Uuid>,
    /// Whose expired holds are on the wanted seats.
    pub(crate) expired_holders: Vec<Uuid>,
}

/// Looks at everything a hold depends on. Nothing it tells of seats is certain until they are taken.
///
/// The buyer's confirmed reservations are found by the buyer alone. With an equality for the event as well, a connection that
/// planned this while the table was small may keep to the index by event, and read every live reservation of the concert
/// for each hold until the table is next analysed.
pub(crate) async fn survey(connection: &mut PgConnection, request: SurveyRequest<'_>) -> Result<Survey, sqlx::Error> {
    sqlx::query_as!(
        Survey,
        r#"
            select
                clock_timestamp() as "now!",
                clock_timestamp() + make_interval(secs => $4) as "expires_at!",
                exists (select from reservation_service.closed_events where event_id = $2) as "event_closed!",
                coalesce(
                    (select version from reservation_service.event_versions where event_id = $2), 0
                ) as "event_version!",
                (
                    select count(*)
                    from reservation_service.reservations
                    join reservation_service.reservation_seats on reservation_seats.reservation_id = reservations.id
                    where reservations.user_id = $1
                        and reservations.event_id is not distinct from $2
                        and reservations.status = 'CONFIRMED'
                ) as "confirmed_seats!",
                pending.id as "pending_id?",
                pending.payment_lock_id is not null or pending.hold_expires_at > clock_timestamp() as "pending_live?",
                array(
                    select seat_id
                    from reservation_service.reservation_seats
                    where reservation_id = pending.id
                    order by seat_id
                ) as "pending_seats!",
                array(
                    select seat_id
                    from reservation_service.seat_assignments
                    where event_id = $2 and seat_id = any($3) and expires_at > clock_timestamp()
                    order by seat_id
                ) as "taken!",
                array(
                    select distinct reservation_id
                    from reservation_service.seat_assignments
                    where event_id = $2 and seat_id = any($3) and expires_at <= clock_timestamp()
                ) as "expired_holders!"
            from (values (1)) as one (row)
            left join reservation_service.reservations as pending
                on pending.user_id = $1 and pending.event_id = $2 and pending.status = 'PENDING'
        "#,
        request.user_id,
        request.event_id,
        request.seat_ids,
        request.hold_for.as_secs_f64(),
    )
    .fetch_one(connection)
    .await
}

/// A pending reservation to write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewReservation<'a> {
    pub(crate) id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) event_id: Uuid,
    pub(crate) total_amount: i64,
    pub(crate) hold_expires_at: DateTime<Utc>,
    pub(crate) event_title: &'a str,
    pub(crate) event_start_at: DateTime<Utc>,
    pub(crate) event_end_at: DateTime<Utc>,
    pub(crate) grant_id: Option<&'a str>,
    pub(crate) seats: &'a [ReservedSeat],
}

/// Takes a reservation's seats until its hold expires, those that nobody has and those whose hold is over, and writes it with
/// them if every seat was free. Returns the seats it got, each with the reservation it took it from; the caller rolls back
/// unless they are all there and nobody's.
///
/// Sorted, because this takes the rows' locks; a row that another transaction is changing is waited for and judged as that
/// transaction left it. One statement, because every round trip keeps a crowd's locks and a connection for longer.
pub(crate) async fn take_and_reserve(
    connection: &mut PgConnection,
    new: NewReservation<'_>,
) -> Result<Vec<(Uuid, Option<Uuid>)>, sqlx::Error> {
    let ids: Vec<Uuid> = new.seats.iter().map(|seat| seat.seat_id).collect();
    let numbers: Vec<String> = new.seats.iter().map(|seat| seat.seat_number.clone()).collect();
    let grades: Vec<String> = new.seats.iter().map(|seat| seat.grade.clone()).collect();
    let prices: Vec<i64> = new.seats.iter().map(|seat| seat.price).collect();
    let rows = sqlx::query!(
        r#"
            with taken as (
                insert into reservation_service.seat_assignments as assignment
                    (event_id, seat_id, reservation_id, state, expires_at)
                select $3, wanted.seat_id, $1, 'HELD', $5
                from unnest($10::uuid[]) as wanted (seat_id)
                order by wanted.seat_id
                on conflict (event_id, seat_id) do update
                    set reservation_id = excluded.reservation_id, expires_at = excluded.expires_at
                    where assignment.state = 'HELD' and assignment.expires_at <= clock_timestamp()
                returning assignment.seat_id, old.reservation_id as taken_from
            ),
            reservation as (
                insert into reservation_service.reservations
                    (id, user_id, event_id, total_amount, hold_expires_at, event_title, event_start_at, event_end_at, grant_id)
                select $1, $2, $3, $4, $5, $6, $7, $8, $9
                where (select count(*) from taken where taken_from is null) = cardinality($10::uuid[])
                returning id
            ),
            seats as (
                insert into reservation_service.reservation_seats (reservation_id, seat_id, seat_number, grade, price)
                select reservation.id, seat.id, seat.number, seat.grade, seat.price
                from reservation, unnest($10::uuid[], $11::text[], $12::text[], $13::bigint[]) as seat (id, number, grade, price)
            )
            select seat_id as "seat_id!", taken_from as "taken_from?" from taken
        "#,
        new.id,
        new.user_id,
        new.event_id,
        new.total_amount,
        new.hold_expires_at,
        new.event_title,
        new.event_start_at,
        new.event_end_at,
        new.grant_id,
        &ids,
        &numbers,
        &grades,
        &prices,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.seat_id, row.taken_from)).collect())
}
