use crate::domain::{Reservation, ReservedSeat};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A seat's assignment after an attempt to take it: `before` is whose it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) seat_id: Uuid,
    pub(crate) before: Option<Uuid>,
}

/// Locks the seats that the reservation has and takes those that it is to have besides, until `expires_at`: seats that
/// nobody has, and seats whose hold is over. What it has keeps its expiry. Returns the seats that are the reservation's now.
///
/// One statement for both, sorted, because this takes the rows' locks: own seats locked first and others then would be out
/// of the order in which a hold takes them. The caller compares, and rolls back if a seat is missing.
pub(crate) async fn take_more_seats(
    connection: &mut PgConnection,
    event_id: Uuid,
    old_and_new: &[Uuid],
    reservation_id: Uuid,
    expires_at: DateTime<Utc>,
) -> Result<Vec<Taken>, sqlx::Error> {
    sqlx::query_as!(
        Taken,
        r#"
            insert into reservation_service.seat_assignments as assignment
                (event_id, seat_id, reservation_id, state, expires_at)
            select $1, seat.id, $3, 'HELD', $4
            from unnest($2::uuid[]) as seat (id)
            order by seat.id
            on conflict (event_id, seat_id) do update
                set reservation_id = excluded.reservation_id,
                    expires_at = case
                        when assignment.reservation_id = excluded.reservation_id then assignment.expires_at
                        else excluded.expires_at
                    end
                where assignment.reservation_id = excluded.reservation_id
                    or (assignment.state = 'HELD' and assignment.expires_at <= clock_timestamp())
            returning assignment.seat_id as "seat_id!", old.reservation_id as "before?"
        "#,
        event_id,
        old_and_new,
        reservation_id,
        expires_at,
    )
    .fetch_all(connection)
    .await
}

/// Makes exactly these the seats of a locked reservation that has taken them, with these prices, and gives its other seats
/// up. Returns its new version.
pub(crate) async fn change_seats(
    connection: &mut PgConnection,
    reservation: &Reservation,
    seats: &[ReservedSeat],
) -> Result<i64, sqlx::Error> {
    let ids: Vec<Uuid> = seats.iter().map(|seat| seat.seat_id).collect();
    let numbers: Vec<String> = seats.iter().map(|seat| seat.seat_number.clone()).collect();
    let grades: Vec<String> = seats.iter().map(|seat| seat.grade.clone()).collect();
    let prices: Vec<i64> = seats.iter().map(|seat| seat.price).collect();
    let given_up = reservation.seats.iter().filter(|seat| !ids.contains(&seat.seat_id));
    let given_up = i64::try_from(given_up.count()).unwrap_or(i64::MAX);
    let row = sqlx::query!(
        r#"
            with freed as (
                delete from reservation_service.seat_assignments
                where reservation_id = $1 and seat_id <> all($3) and state = 'HELD'
                returning seat_id
            ), dropped as (
                delete from reservation_service.reservation_seats where reservation_id = $1 and seat_id <> all($3)
            ), written as (
                insert into reservation_service.reservation_seats (reservation_id, seat_id, seat_number, grade, price)
                select $1, seat.id, seat.number, seat.grade, seat.price
                from unnest($3::uuid[], $4::text[], $5::text[], $6::bigint[]) as seat (id, number, grade, price)
                on conflict (reservation_id, seat_id) do update
                    set seat_number = excluded.seat_number, grade = excluded.grade, price = excluded.price
            )
            update reservation_service.reservations
            set total_amount = $7, version = version + 1, updated_at = clock_timestamp()
            where id = $1 and version = $2 and status = 'PENDING' and payment_lock_id is null
            returning version, (select count(*) from freed) as "freed!"
        "#,
        reservation.id,
        reservation.version,
        &ids,
        &numbers,
        &grades,
        &prices,
        seats.iter().map(|seat| seat.price).sum::<i64>(),
    )
    .fetch_one(connection)
    .await?;
    // The caller has locked every one of them; another number means that the lock did not hold.
    if row.freed == given_up {
        Ok(row.version)
    } else {
        Err(sqlx::Error::RowNotFound)
    }
}
