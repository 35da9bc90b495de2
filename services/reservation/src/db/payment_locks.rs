use crate::domain::Reservation;
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// A payment lock that has lasted so long that its payment should be asked after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OverdueLock {
    pub(crate) reservation_id: Uuid,
    pub(crate) payment_id: Uuid,
}

/// Keeps the locked reservation's seats from expiring. Returns how many it could keep: those it holds whose expiry has not
/// come, judged now that nobody else can touch them.
pub(crate) async fn prolong_seats(connection: &mut PgConnection, id: Uuid) -> Result<usize, sqlx::Error> {
    let result = sqlx::query!(
        r#"
            update reservation_service.seat_assignments
            set expires_at = 'infinity'
            where reservation_id = $1 and state = 'HELD' and expires_at > clock_timestamp()
        "#,
        id,
    )
    .execute(connection)
    .await?;
    usize::try_from(result.rows_affected()).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// Gives a payment the lock of a reservation whose seats were prolonged before. Returns the reservation's new version.
pub(crate) async fn lock_for_payment(
    connection: &mut PgConnection,
    reservation: &Reservation,
    payment_id: Uuid,
    amount: i64,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
            update reservation_service.reservations
            set payment_lock_id = $3,
                payment_locked_at = clock_timestamp(),
                payment_asked_at = null,
                payment_id = $3,
                payment_status = 'PENDING',
                version = version + 1,
                updated_at = clock_timestamp()
            where id = $1
                and version = $2
                and status = 'PENDING'
                and payment_lock_id is null
                and total_amount = $4
            returning version
        "#,
        reservation.id,
        reservation.version,
        payment_id,
        amount,
    )
    .fetch_one(connection)
    .await
}

/// Takes the lock from a payment that moved no money; the seats get the hold's expiry back, which may have passed.
pub(crate) async fn unlock(
    connection: &mut PgConnection,
    reservation: &Reservation,
    payment_id: Uuid,
) -> Result<(), sqlx::Error> {
    let seats = sqlx::query!(
        r#"
            update reservation_service.seat_assignments
            set expires_at = $2
            where reservation_id = $1 and state = 'HELD'
        "#,
        reservation.id,
        reservation.hold_expires_at,
    )
    .execute(&mut *connection)
    .await?;
    let unlocked = sqlx::query!(
        r#"
            update reservation_service.reservations
            set payment_lock_id = null,
                payment_locked_at = null,
                payment_id = null,
                payment_status = null,
                version = version + 1,
                updated_at = clock_timestamp()
            where id = $1 and version = $2 and status = 'PENDING' and payment_lock_id = $3
        "#,
        reservation.id,
        reservation.version,
        payment_id,
    )
    .execute(connection)
    .await?;
    let all = usize::try_from(seats.rows_affected()) == Ok(reservation.seats.len());
    if all && unlocked.rows_affected() == 1 {
        Ok(())
    } else {
        Err(sqlx::Error::RowNotFound)
    }
}

/// Takes up to `limit` locks older than `after` that nobody asked about within `again`, and notes that they are being asked
/// about, so that replicas share the work.
pub(crate) async fn claim_overdue_locks(
    connection: &mut PgConnection,
    after: Duration,
    again: Duration,
    limit: i64,
) -> Result<Vec<OverdueLock>, sqlx::Error> {
    sqlx::query_as!(
        OverdueLock,
        r#"
            update reservation_service.reservations
            set payment_asked_at = clock_timestamp()
            where id in (
                select id
                from reservation_service.reservations
                where payment_lock_id is not null
                    and payment_locked_at <= clock_timestamp() - make_interval(secs => $1)
                    and (payment_asked_at is null or payment_asked_at <= clock_timestamp() - make_interval(secs => $2))
                -- Those asked about longest ago first, so that those whose answer is to wait do not keep the others from
                -- their turn.
                order by coalesce(payment_asked_at, payment_locked_at)
                limit $3
                for update skip locked
            )
            returning id as reservation_id, payment_lock_id as "payment_id!"
        "#,
        after.as_secs_f64(),
        again.as_secs_f64(),
        limit,
    )
    .fetch_all(connection)
    .await
}
