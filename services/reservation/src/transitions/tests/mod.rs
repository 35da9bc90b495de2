//! The transactions against a real database, raced against each other, with Redis out of the way: what these tests see is
//! what the database alone prevents.

mod closing;
mod expiry;
mod holds;
mod payment_locks;
mod refunds;

use super::{HoldOutcome, HoldWish, LockOutcome, PaymentLock, hold, lock_for_payment};
use crate::{
    db,
    domain::ReservedSeat,
    neighbours::{EventInfo, EventState},
};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use sqlx::{PgPool, postgres::PgPoolOptions};
use std::time::Duration;
use test_support::{Login, TestEnv};
use uuid::Uuid;

const PRICE: i64 = 150_000;
const MINUTES: Duration = Duration::from_secs(300);
const INSTANT: Duration = Duration::from_millis(1);

/// A database with an event on sale.
#[derive(Clone)]
struct Database {
    /// As the service's own login, so that its rights are tested too.
    pool: PgPool,
    event_id: Uuid,
    now: DateTime<Utc>,
}

#[derive(Clone, Copy)]
struct Buyer(Uuid);

impl Buyer {
    fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl Database {
    async fn new(env: &TestEnv) -> Self {
        let pool = PgPoolOptions::new().max_connections(30);
        let pool = pool.connect(&env.database_url(Login::Reservation)).await.unwrap();
        // Connections that must first be made would put the racers in a row.
        let warm: Vec<_> = join_all((0..30).map(|_| pool.acquire())).await;
        assert!(warm.iter().all(Result::is_ok));
        drop(warm);
        let now = sqlx::query_scalar("select clock_timestamp()")
            .fetch_one(&pool)
            .await
            .unwrap();
        Self {
            pool,
            event_id: Uuid::now_v7(),
            now,
        }
    }

    fn event(&self) -> EventInfo {
        EventInfo {
            title: "Concert".to_owned(),
            status: EventState::Other,
            sale_start_at: self.now - TimeDelta::hours(1),
            sale_end_at: self.now + TimeDelta::days(29),
            event_start_at: self.now + TimeDelta::days(30),
            event_end_at: self.now + TimeDelta::days(30) + TimeDelta::hours(2),
            max_tickets_per_user: 4,
            read_at: self.now,
        }
    }

    async fn hold(&self, buyer: Buyer, seats: &[u128], hold_for: Duration) -> (Uuid, HoldOutcome) {
        self.hold_in(&self.event(), buyer, seats, hold_for).await
    }

    async fn hold_in(
        &self,
        event: &EventInfo,
        buyer: Buyer,
        seats: &[u128],
        hold_for: Duration,
    ) -> (Uuid, HoldOutcome) {
        let mut seats: Vec<ReservedSeat> = seats.iter().map(|seat| reserved(*seat)).collect();
        seats.sort_by_key(|seat| seat.seat_id);
        let reservation_id = Uuid::now_v7();
        let wish = HoldWish {
            reservation_id,
            user_id: buyer.0,
            event_id: self.event_id,
            event,
            event_version: 1,
            seats: &seats,
            grant_id: "grant",
            hold_for,
        };
        let mut transaction = self.pool.begin().await.unwrap();
        let outcome = hold(&mut transaction, wish).await.unwrap();
        match outcome {
            HoldOutcome::Created { .. } => transaction.commit().await.unwrap(),
            _ => transaction.rollback().await.unwrap(),
        }
        (reservation_id, outcome)
    }

    /// As the caller of the transaction does: a hold that lost against another transaction begins again.
    async fn hold_again(&self, buyer: Buyer, seats: &[u128], hold_for: Duration) -> (Uuid, HoldOutcome) {
        for _ in 0..20 {
            let (id, outcome) = self.hold(buyer, seats, hold_for).await;
            if !matches!(outcome, HoldOutcome::Lost) {
                return (id, outcome);
            }
        }
        panic!("a hold loses for ever");
    }

    async fn held(&self, buyer: Buyer, seats: &[u128], hold_for: Duration) -> Uuid {
        let (id, outcome) = self.hold(buyer, seats, hold_for).await;
        assert!(matches!(outcome, HoldOutcome::Created { .. }), "{outcome:?}");
        if hold_for == INSTANT {
            tokio::time::sleep(INSTANT * 5).await;
        }
        id
    }

    async fn lock(&self, reservation_id: Uuid, buyer: Buyer, payment_id: Uuid, amount: i64) -> LockOutcome {
        let mut transaction = self.pool.begin().await.unwrap();
        let wanted = PaymentLock {
            reservation_id,
            payment_id,
            user_id: buyer.0,
            amount,
        };
        let outcome = lock_for_payment(&mut transaction, wanted).await.unwrap();
        match outcome {
            LockOutcome::Locked(..) => transaction.commit().await.unwrap(),
            _ => transaction.rollback().await.unwrap(),
        }
        outcome
    }

    async fn sweep(&self) -> usize {
        let mut transaction = self.pool.begin().await.unwrap();
        let ids = db::lock_expired(&mut transaction, 100).await.unwrap();
        let messages = db::expire(&mut transaction, &ids).await.unwrap();
        outbox::enqueue_all(&mut transaction, &messages).await.unwrap();
        transaction.commit().await.unwrap();
        messages.len()
    }

    /// Makes a confirmed reservation out of a hold.
    async fn confirm(&self, id: Uuid) {
        let mut transaction = self.pool.begin().await.unwrap();
        let locked = db::lock(&mut transaction, id).await.unwrap().unwrap();
        db::confirm(&mut transaction, &locked.reservation, Uuid::now_v7(), self.now)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
    }

    async fn owner(&self, seat: u128) -> Option<Uuid> {
        sqlx::query_scalar(
            "select reservation_id from reservation_service.seat_assignments where event_id = $1 and seat_id = $2",
        )
        .bind(self.event_id)
        .bind(Uuid::from_u128(seat))
        .fetch_optional(&self.pool)
        .await
        .unwrap()
    }

    /// Status and reason of a reservation.
    async fn state(&self, id: Uuid) -> (String, Option<String>) {
        sqlx::query_as("select status, cancel_reason from reservation_service.reservations where id = $1")
            .bind(id)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// The types and reasons of the messages about a reservation, oldest first.
    async fn messages(&self, id: Uuid) -> Vec<(String, Option<String>)> {
        sqlx::query_as(
            "select event_type, payload->'payload'->>'reason' from common.outbox_events where aggregate_id = $1 order by seq",
        )
        .bind(id)
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }
}

fn reserved(seat: u128) -> ReservedSeat {
    ReservedSeat {
        seat_id: Uuid::from_u128(seat),
        seat_number: format!("A-{seat}"),
        grade: "VIP".to_owned(),
        price: PRICE,
    }
}

fn cancelled(reason: &str) -> (String, Option<String>) {
    ("CANCELLED".to_owned(), Some(reason.to_owned()))
}

fn pending() -> (String, Option<String>) {
    ("PENDING".to_owned(), None)
}
