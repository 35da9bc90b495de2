//! Closing an event against everybody who acts on it: whatever the timing, no live reservation is left on a closed event.

use super::{Buyer, Database, INSTANT, MINUTES, PRICE, cancelled, pending};
use crate::{
    db::{self, Closing},
    transitions::{HoldOutcome, HoldRefusal, LockOutcome, payment_failed, unlock},
};
use std::time::Duration;
use test_support::TestEnv;
use tokio::task::JoinSet;
use uuid::Uuid;

impl Database {
    fn with_another_event(&self) -> Self {
        Self {
            event_id: Uuid::now_v7(),
            ..self.clone()
        }
    }

    async fn close(&self) {
        let mut transaction = self.pool.begin().await.unwrap();
        db::lock_event(&mut transaction, self.event_id).await.unwrap();
        db::close_event(&mut transaction, self.event_id, Closing::Cancelled)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
    }

    /// As the event service asks for before a deletion; whether it may delete.
    async fn close_unclaimed(&self) -> bool {
        let mut transaction = self.pool.begin().await.unwrap();
        db::lock_event(&mut transaction, self.event_id).await.unwrap();
        let exists = db::has_claims(&mut transaction, self.event_id).await.unwrap();
        if !exists {
            db::close_event(&mut transaction, self.event_id, Closing::Deleted)
                .await
                .unwrap();
        }
        transaction.commit().await.unwrap();
        !exists
    }

    /// One chunk; how many reservations it ended.
    async fn chunk(&self, limit: i64) -> usize {
        let mut transaction = self.pool.begin().await.unwrap();
        let ids = db::lock_live(&mut transaction, self.event_id, limit).await.unwrap();
        let messages = db::cancel_live(&mut transaction, &ids).await.unwrap();
        outbox::enqueue_all(&mut transaction, &messages).await.unwrap();
        transaction.commit().await.unwrap();
        messages.len()
    }

    async fn chunks(&self, limit: i64) {
        while self.chunk(limit).await > 0 {}
    }

    async fn is_finished(&self) -> bool {
        let mut connection = self.pool.acquire().await.unwrap();
        db::finish_closing(&mut connection, self.event_id).await.unwrap()
    }

    async fn live(&self) -> i64 {
        sqlx::query_scalar(
            "select count(*) from reservation_service.reservations where event_id = $1 and status <> 'CANCELLED'",
        )
        .bind(self.event_id)
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }
}

/// A moment of up to three milliseconds: enough for any of the racers to come first.
async fn moment() {
    tokio::time::sleep(Duration::from_micros(u64::from(rand::random::<u16>() % 3000))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_races_with_closing_is_refused_or_cancelled() {
    let env = TestEnv::new().await;
    let whole = Database::new(&env).await;
    let (mut refused, mut created, mut locked) = (0, 0, 0);
    for round in 0..40_u32 {
        let database = whole.with_another_event();
        let (paying, payment) = (Buyer::new(), Uuid::now_v7());
        let before = database.held(paying, &[100], MINUTES).await;
        // Whatever the machine is busy with, all come before the closing once, and all after it once.
        if round == 1 {
            database.close().await;
        }
        let mut racers = JoinSet::new();
        for seat in 0..6 {
            let database = database.clone();
            racers.spawn(async move {
                moment().await;
                database.hold(Buyer::new(), &[seat], MINUTES).await
            });
        }
        let mut lock = JoinSet::new();
        let locking = database.clone();
        lock.spawn(async move {
            moment().await;
            locking.lock(before, paying, payment, PRICE).await
        });
        let racing = async { (racers.join_all().await, lock.join_next().await.unwrap().unwrap()) };
        let closing = async {
            if round != 1 {
                database.close().await;
            }
            // Two replicas end what is there while the others still come.
            tokio::join!(database.chunks(2), database.chunks(2));
        };
        let (held, lock) = if round == 0 {
            let raced = racing.await;
            closing.await;
            raced
        } else {
            let closing = async {
                moment().await;
                closing.await;
            };
            tokio::join!(racing, closing).0
        };
        for (id, outcome) in held {
            match outcome {
                HoldOutcome::Created { .. } => {
                    created += 1;
                    assert_eq!(
                        database.messages(id).await.len(),
                        usize::from(database.state(id).await != pending())
                    );
                }
                HoldOutcome::Refused(HoldRefusal::Closed) => refused += 1,
                other => panic!("round {round}: {other:?}"),
            }
        }
        let has_lock = matches!(lock, LockOutcome::Locked(..));
        locked += u32::from(has_lock);
        // What was locked or passed over while somebody else had it comes in the next round.
        database.chunks(2).await;
        assert_eq!(database.live().await, i64::from(has_lock), "round {round}");
        assert_eq!(database.is_finished().await, !has_lock, "round {round}");
        if has_lock {
            let mut transaction = database.pool.begin().await.unwrap();
            if round % 2 == 0 {
                unlock(&mut transaction, before, payment).await.unwrap().unwrap();
            } else {
                payment_failed(&mut transaction, before, payment)
                    .await
                    .unwrap()
                    .unwrap();
            }
            transaction.commit().await.unwrap();
            database.chunks(2).await;
            assert!(database.is_finished().await, "round {round}");
        }
        assert_eq!(database.live().await, 0, "round {round}");
        assert_eq!(database.owner(100).await, None);
    }
    println!("{refused} holds refused, {created} cancelled, {locked} payments had locked");
    assert!(refused > 0 && created > 0 && locked > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_event_is_closed_for_deletion_exactly_if_nobody_got_a_seat() {
    let env = TestEnv::new().await;
    let whole = Database::new(&env).await;
    let (mut closed, mut claimed) = (0, 0);
    for round in 0..40 {
        let database = whole.with_another_event();
        let holding = database.clone();
        let hold = async move { holding.hold(Buyer::new(), &[1], MINUTES).await.1 };
        let (may_delete, outcome) = match round {
            // Whatever the machine is busy with, each is the first once.
            0 => {
                let outcome = hold.await;
                (database.close_unclaimed().await, outcome)
            }
            1 => (database.close_unclaimed().await, hold.await),
            _ => {
                let mut racing = JoinSet::new();
                racing.spawn(async move {
                    moment().await;
                    hold.await
                });
                moment().await;
                let may_delete = database.close_unclaimed().await;
                (may_delete, racing.join_next().await.unwrap().unwrap())
            }
        };
        let held = matches!(outcome, HoldOutcome::Created { .. });
        assert_ne!(may_delete, held, "round {round}");
        assert_eq!(database.close_unclaimed().await, may_delete, "again, round {round}");
        closed += u32::from(may_delete);
        claimed += u32::from(held);
    }
    println!("{closed} closed, {claimed} claimed");
    assert!(closed > 0 && claimed > 0);
}

#[tokio::test]
async fn a_chunk_ends_what_it_can_and_says_so_once() {
    let env = TestEnv::new().await;
    let database = Database::new(&env).await;
    let (paying, payment) = (Buyer::new(), Uuid::now_v7());
    let confirmed = database.held(Buyer::new(), &[1, 2], MINUTES).await;
    database.confirm(confirmed).await;
    let held = database.held(Buyer::new(), &[3], MINUTES).await;
    let locked = database.held(paying, &[4], MINUTES).await;
    let _payment = database.lock(locked, paying, payment, PRICE).await;
    let other = database.with_another_event();
    let elsewhere = other.held(Buyer::new(), &[1], MINUTES).await;
    // Over, and not swept yet.
    let expired = database.held(Buyer::new(), &[5], INSTANT).await;

    database.close().await;
    assert_eq!(database.chunk(2).await, 2);
    assert_eq!(database.chunk(2).await, 1);
    assert_eq!(database.chunk(2).await, 0);
    assert!(!database.is_finished().await, "a payment runs");
    for id in [confirmed, held, expired] {
        assert_eq!(database.state(id).await, cancelled("EVENT_CANCELLED"));
        let told = ("ReservationCancelled".to_owned(), Some("EVENT_CANCELLED".to_owned()));
        assert_eq!(database.messages(id).await, [told]);
    }
    assert_eq!(database.state(locked).await, pending());
    assert_eq!(other.state(elsewhere).await, pending());
    for seat in [1, 2, 3, 5] {
        assert_eq!(database.owner(seat).await, None);
    }
    let refunds: Vec<(Uuid, String, i64)> = sqlx::query_as(
        "select id, refund_status, refund_amount from reservation_service.reservations where refund_status is not null",
    )
    .fetch_all(&database.pool)
    .await
    .unwrap();
    assert_eq!(refunds, [(confirmed, "REQUESTED".to_owned(), 2 * PRICE)]);

    // Somebody else has one of its rows: it is passed over, not waited for, and not noted as done.
    let mut transaction = database.pool.begin().await.unwrap();
    unlock(&mut transaction, locked, payment).await.unwrap().unwrap();
    transaction.commit().await.unwrap();
    let mut busy = database.pool.begin().await.unwrap();
    let _row = db::lock(&mut busy, locked).await.unwrap();
    assert_eq!(database.chunk(2).await, 0);
    assert!(!database.is_finished().await);
    busy.rollback().await.unwrap();
    assert_eq!(database.chunk(2).await, 1);
    assert!(database.is_finished().await);
    assert!(!database.is_finished().await, "noted once");
}
