use crate::domain::{CancelReason, PaymentStatus, Refund, RefundStatus, Reservation, ReservedSeat, Status};
use chrono::{DateTime, Utc};
use common::page::PageRequest;
use sqlx::PgConnection;
use std::{collections::HashMap, time::Duration};
use uuid::Uuid;

/// A reservation as read without a lock, and the database's time of the reading.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    pub(crate) reservation: Reservation,
    pub(crate) now: DateTime<Utc>,
}

/// A reservation that this transaction has locked, with its assignments before it.
#[derive(Clone, Debug)]
pub(crate) struct Locked {
    pub(crate) reservation: Reservation,
    /// How many of its seats are still its own and not sold, expired or not.
    pub(crate) held: usize,
    pub(crate) now: DateTime<Utc>,
}

struct Row {
    id: Uuid,
    user_id: Uuid,
    event_id: Uuid,
    status: String,
    total_amount: i64,
    hold_expires_at: DateTime<Utc>,
    event_title: String,
    event_start_at: DateTime<Utc>,
    event_end_at: DateTime<Utc>,
    grant_id: Option<String>,
    version: i64,
    payment_id: Option<Uuid>,
    payment_status: Option<String>,
    payment_lock_id: Option<Uuid>,
    refund_status: Option<String>,
    refund_amount: Option<i64>,
    refund_requested_at: Option<DateTime<Utc>>,
    refund_completed_at: Option<DateTime<Utc>>,
    cancel_reason: Option<String>,
    confirmed_at: Option<DateTime<Utc>>,
    cancelled_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    now: DateTime<Utc>,
}

/// The columns of [`Row`], with the given end of the statement.
macro_rules! select_reservations {
    ($end:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            Row,
            r#"
                select
                    id, user_id, event_id, status, total_amount, hold_expires_at, event_title, event_start_at, event_end_at,
                    grant_id, version, payment_id, payment_status, payment_lock_id, refund_status, refund_amount,
                    refund_requested_at, refund_completed_at, cancel_reason, confirmed_at, cancelled_at, created_at,
                    clock_timestamp() as "now!"
                from reservation_service.reservations
            "# + $end,
            $($argument),+
        )
    };
}

/// Reads a reservation.
pub(crate) async fn find(connection: &mut PgConnection, id: Uuid) -> Result<Option<Read>, sqlx::Error> {
    let row = select_reservations!("where id = $1", id)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(with_seats(connection, vec![row]).await?.pop())
}

/// Reads a reservation if it is this user's.
pub(crate) async fn find_of_user(
    connection: &mut PgConnection,
    id: Uuid,
    user_id: Uuid,
) -> Result<Option<Read>, sqlx::Error> {
    let row = select_reservations!("where id = $1 and user_id = $2", id, user_id)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(with_seats(connection, vec![row]).await?.pop())
}

/// One page of a user's reservations, newest first, and how many there are in all.
pub(crate) async fn page(
    connection: &mut PgConnection,
    user_id: Uuid,
    status: Option<Status>,
    page: PageRequest,
) -> Result<(Vec<Read>, i64), sqlx::Error> {
    let status = status.map(Status::as_str);
    let total = sqlx::query_scalar!(
        r#"
            select count(*) as "count!"
            from reservation_service.reservations
            where user_id = $1 and ($2::text is null or status = $2)
        "#,
        user_id,
        status,
    )
    .fetch_one(&mut *connection)
    .await?;
    let rows = select_reservations!(
        r"
            where user_id = $1 and ($2::text is null or status = $2)
            order by created_at desc, id desc
            limit $3 offset $4
        ",
        user_id,
        status,
        page.limit(),
        page.offset()
    )
    .fetch_all(&mut *connection)
    .await?;
    Ok((with_seats(connection, rows).await?, total))
}

/// Locks a reservation: its assignments first, by seat, then itself. Reads both as they are once they are locked.
pub(crate) async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<Locked>, sqlx::Error> {
    let assignments = sqlx::query_scalar!(
        r#"
            select state
            from reservation_service.seat_assignments
            where reservation_id = $1
            order by event_id, seat_id
            for update
        "#,
        id,
    )
    .fetch_all(&mut *connection)
    .await?;
    let row = select_reservations!("where id = $1 for update", id)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let held = assignments.iter().filter(|state| *state == "HELD").count();
    let read = with_seats(connection, vec![row]).await?.pop();
    Ok(read.map(|Read { reservation, now }| Locked { reservation, held, now }))
}

/// Whether the event takes no more holds, payments and confirmations. Asked after [`super::share_event`].
pub(crate) async fn is_event_closed(connection: &mut PgConnection, event_id: Uuid) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (select from reservation_service.closed_events where event_id = $1) as "closed!""#,
        event_id,
    )
    .fetch_one(connection)
    .await
}

/// How long `read`'s hold still lasts on the database's clock; nothing once it is over.
pub(crate) fn time_left(read: &Read) -> Option<Duration> {
    (read.reservation.hold_expires_at - read.now)
        .to_std()
        .ok()
        .filter(|left| !left.is_zero())
}

async fn with_seats(connection: &mut PgConnection, rows: Vec<Row>) -> Result<Vec<Read>, sqlx::Error> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let seats = sqlx::query!(
        r#"
            select reservation_id, seat_id, seat_number, grade, price
            from reservation_service.reservation_seats
            where reservation_id = any($1)
            order by reservation_id, seat_id
        "#,
        &ids,
    )
    .fetch_all(connection)
    .await?;
    let mut of_reservation: HashMap<Uuid, Vec<ReservedSeat>> = HashMap::with_capacity(ids.len());
    for seat in seats {
        of_reservation
            .entry(seat.reservation_id)
            .or_default()
            .push(ReservedSeat {
                seat_id: seat.seat_id,
                seat_number: seat.seat_number,
                grade: seat.grade,
                price: seat.price,
            });
    }
    rows.into_iter()
        .map(|row| {
            let seats = of_reservation.remove(&row.id).unwrap_or_default();
            row.read(seats)
        })
        .collect()
}

impl Row {
    fn read(self, seats: Vec<ReservedSeat>) -> Result<Read, sqlx::Error> {
        let refund = match (word(self.refund_status, RefundStatus::parse)?, self.refund_amount) {
            (Some(status), Some(amount)) => Some(Refund {
                status,
                amount,
                requested_at: self.refund_requested_at,
                completed_at: self.refund_completed_at,
            }),
            _ => None,
        };
        let reservation = Reservation {
            id: self.id,
            user_id: self.user_id,
            event_id: self.event_id,
            status: word(Some(self.status), Status::parse)?.ok_or(sqlx::Error::RowNotFound)?,
            total_amount: self.total_amount,
            hold_expires_at: self.hold_expires_at,
            event_title: self.event_title,
            event_start_at: self.event_start_at,
            event_end_at: self.event_end_at,
            grant_id: self.grant_id,
            version: self.version,
            payment_id: self.payment_id,
            payment_status: word(self.payment_status, PaymentStatus::parse)?,
            payment_lock: self.payment_lock_id,
            refund,
            cancel_reason: word(self.cancel_reason, CancelReason::parse)?,
            confirmed_at: self.confirmed_at,
            cancelled_at: self.cancelled_at,
            created_at: self.created_at,
            seats,
        };
        Ok(Read {
            reservation,
            now: self.now,
        })
    }
}

/// The value of a word, if there is one. The columns' constraints allow only known words, so another one means that a newer
/// release has migrated the database.
pub(super) fn word<T>(text: Option<String>, parse: fn(&str) -> Option<T>) -> Result<Option<T>, sqlx::Error> {
    text.map(|text| parse(&text).ok_or_else(|| sqlx::Error::Decode(format!("unknown word {text:?}").into())))
        .transpose()
}
