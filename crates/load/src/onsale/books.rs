//! What the database says about the event when all is over, and whether it is what the buyers were told.

use super::sale::Booking;
use anyhow::Context;
use serde::Serialize;
use sqlx::{PgPool, postgres::PgPoolOptions};
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

/// The seats of the event, counted three ways.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Seats {
    /// How many the hall has.
    pub(super) total: usize,
    /// Rows of `seat_assignments` that are SOLD.
    pub(super) sold: usize,
    /// Seats of CONFIRMED reservations; as many, and none twice.
    pub(super) confirmed: usize,
    /// Seats that the API shows as sold.
    pub(super) shown_sold: usize,
    /// Seats of two confirmed reservations.
    pub(super) sold_twice: usize,
    /// Confirmed reservations of the event.
    pub(super) reservations: usize,
    /// Reservations of the event by status and reason.
    pub(super) by_status: BTreeMap<String, i64>,
    /// What contradicts something else, in words.
    pub(super) contradictions: Vec<String>,
}

#[derive(sqlx::FromRow)]
struct Confirmed {
    id: Uuid,
    seat_id: Uuid,
    total_amount: i64,
}

/// Compares the tables with what the buyers were told and what the API shows as sold.
pub(super) async fn compare(
    database: &str,
    event: Uuid,
    total: usize,
    shown_sold: usize,
    told: &[Booking],
    cancelled: &[Booking],
) -> anyhow::Result<Seats> {
    let pool = PgPoolOptions::new().max_connections(1).connect(database).await;
    let pool: PgPool = pool.context("cannot read the books")?;
    let confirmed: Vec<Confirmed> = sqlx::query_as(
        "select r.id, s.seat_id, r.total_amount
         from reservation_service.reservations r
         join reservation_service.reservation_seats s on s.reservation_id = r.id
         where r.event_id = $1 and r.status = 'CONFIRMED'",
    )
    .bind(event)
    .fetch_all(&pool)
    .await?;
    let sold: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "select seat_id, reservation_id from reservation_service.seat_assignments where event_id = $1 and state = 'SOLD'",
    )
    .bind(event)
    .fetch_all(&pool)
    .await?;
    let by_status: Vec<(String, i64)> = sqlx::query_as(
        "select concat_ws(' ', status, cancel_reason), count(*)
         from reservation_service.reservations where event_id = $1 group by 1",
    )
    .bind(event)
    .fetch_all(&pool)
    .await?;
    let mut seats = Seats {
        total,
        shown_sold,
        by_status: by_status.into_iter().collect(),
        ..judge(&confirmed, &sold, told, cancelled)
    };
    if seats.sold > total {
        seats
            .contradictions
            .push(format!("{} of {total} seats are sold", seats.sold));
    }
    if seats.shown_sold != seats.sold {
        let (shown, sold) = (seats.shown_sold, seats.sold);
        seats
            .contradictions
            .push(format!("the map shows {shown} seats as sold, and {sold} are"));
    }
    Ok(seats)
}

fn judge(confirmed: &[Confirmed], sold: &[(Uuid, Uuid)], told: &[Booking], cancelled: &[Booking]) -> Seats {
    let mut seats = Seats {
        sold: sold.len(),
        confirmed: confirmed.len(),
        ..Seats::default()
    };
    let mut owners: HashMap<Uuid, Uuid> = HashMap::new();
    let mut reservations: HashMap<Uuid, (HashSet<Uuid>, i64)> = HashMap::new();
    for row in confirmed {
        if owners.insert(row.seat_id, row.id).is_some() {
            seats.sold_twice += 1;
            seats.contradictions.push(format!("seat {} is sold twice", row.seat_id));
        }
        let entry = reservations.entry(row.id).or_insert((HashSet::new(), row.total_amount));
        entry.0.insert(row.seat_id);
    }
    seats.reservations = reservations.len();
    let assigned: HashMap<Uuid, Uuid> = sold.iter().copied().collect();
    for (seat, reservation) in &owners {
        if assigned.get(seat) != Some(reservation) {
            seats
                .contradictions
                .push(format!("seat {seat} of {reservation} is not assigned to it"));
        }
    }
    if sold.len() != owners.len() {
        let (sold, owned) = (sold.len(), owners.len());
        seats.contradictions.push(format!(
            "{sold} seats are assigned, and {owned} are of confirmed reservations"
        ));
    }
    for booking in told {
        let found = reservations.get(&booking.reservation);
        let same = |(seats, amount): &(HashSet<Uuid>, i64)| {
            *amount == booking.amount && *seats == booking.seats.iter().copied().collect::<HashSet<_>>()
        };
        if !found.is_some_and(same) {
            let id = booking.reservation;
            seats
                .contradictions
                .push(format!("{id} was confirmed to its buyer, and the books say otherwise"));
        }
    }
    for booking in cancelled {
        if reservations.contains_key(&booking.reservation) {
            let id = booking.reservation;
            seats
                .contradictions
                .push(format!("{id} was refunded, and still is confirmed"));
        }
    }
    if reservations.len() < told.len() {
        seats
            .contradictions
            .push("two buyers were confirmed one reservation".to_owned());
    }
    seats
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten reservations of two seats each.
    fn fair() -> (Vec<Confirmed>, Vec<(Uuid, Uuid)>, Vec<Booking>) {
        let (mut confirmed, mut sold, mut told) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..10 {
            let (id, seats) = (Uuid::now_v7(), vec![Uuid::now_v7(), Uuid::now_v7()]);
            for seat_id in seats.iter().copied() {
                confirmed.push(Confirmed {
                    id,
                    seat_id,
                    total_amount: 100,
                });
                sold.push((seat_id, id));
            }
            told.push(Booking {
                reservation: id,
                seats,
                amount: 100,
            });
        }
        (confirmed, sold, told)
    }

    #[test]
    fn books_that_agree_have_no_contradiction() {
        let (confirmed, sold, told) = fair();
        let seats = judge(&confirmed, &sold, &told, &[]);
        assert_eq!(seats.contradictions, [""; 0]);
        assert_eq!((seats.sold, seats.reservations, seats.sold_twice), (20, 10, 0));
    }

    #[test]
    fn a_seat_sold_twice_is_found() {
        let (mut confirmed, sold, told) = fair();
        confirmed[3].seat_id = confirmed[0].seat_id;
        let seats = judge(&confirmed, &sold, &told, &[]);
        assert_eq!(seats.sold_twice, 1);
        assert!(!seats.contradictions.is_empty());
    }

    #[test]
    fn a_lost_booking_and_one_that_was_refunded_are_found() {
        let (mut confirmed, mut sold, told) = fair();
        let refunded = told[1].clone();
        confirmed.drain(..2);
        sold.drain(..2);
        let seats = judge(&confirmed, &sold, &told, &[refunded]);
        assert_eq!(seats.contradictions.len(), 3, "{:?}", seats.contradictions);
    }
}
