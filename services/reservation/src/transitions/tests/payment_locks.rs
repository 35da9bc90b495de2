use super::{Buyer, Database, MINUTES, PRICE, cancelled, pending};
use crate::{
    db,
    domain::LockRefusal,
    transitions::{HoldOutcome, HoldRefusal, LockOutcome, payment_failed, unlock},
};
use std::time::Duration;
use test_support::{TestEnv, eventually};
use tokio::task::JoinSet;
use uuid::Uuid;

#[tokio::test]
async fn closing_an_event_waits_for_holds_under_way_and_stops_later_ones() {
    let env = TestEnv::new().await;
    let database = Database::new(&env).await;
    let held = database.held(Buyer::new(), &[1], MINUTES).await;

    let mut closing = database.pool.begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('event:' || $1::uuid, 0))")
        .bind(database.event_id)
        .execute(&mut *closing)
        .await
        .unwrap();
    let mut waiting = JoinSet::new();
    let (hold, lock) = (database.clone(), database.clone());
    waiting.spawn(async move { hold.hold(Buyer::new(), &[2], MINUTES).await.1 });
    // The hold has reached the lock before the event is closed, and looks only after it got it.
    eventually("a hold waits for the event's lock", MINUTES, async || {
        let waiting: i64 = sqlx::query_scalar(
            "select count(*) from pg_locks join pg_database on pg_database.oid = pg_locks.database
             where locktype = 'advisory' and not granted and datname = current_database()",
        )
        .fetch_one(&lock.pool)
        .await
        .unwrap();
        (waiting > 0).then_some(())
    })
    .await;
    sqlx::query("insert into reservation_service.closed_events (event_id, reason) values ($1, 'cancelled')")
        .bind(database.event_id)
        .execute(&mut *closing)
        .await
        .unwrap();
    closing.commit().await.unwrap();
    let outcome = waiting.join_next().await.unwrap().unwrap();
    assert!(
        matches!(outcome, HoldOutcome::Refused(HoldRefusal::Closed)),
        "{outcome:?}"
    );

    let owner: Uuid = sqlx::query_scalar("select user_id from reservation_service.reservations where id = $1")
        .bind(held)
        .fetch_one(&database.pool)
        .await
        .unwrap();
    let outcome = database.lock(held, Buyer(owner), Uuid::now_v7(), PRICE).await;
    assert!(
        matches!(outcome, LockOutcome::Refused(LockRefusal::NotPending)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_payment_locks_once_and_alone() {
    let env = TestEnv::new().await;
    let database = Database::new(&env).await;
    let (buyer, payment) = (Buyer::new(), Uuid::now_v7());
    let id = database.held(buyer, &[1, 2], MINUTES).await;

    let outcome = database.lock(id, buyer, payment, PRICE).await;
    assert!(
        matches!(outcome, LockOutcome::Refused(LockRefusal::AmountMismatch)),
        "{outcome:?}"
    );
    let outcome = database.lock(id, Buyer::new(), payment, 2 * PRICE).await;
    assert!(matches!(outcome, LockOutcome::NotFound), "{outcome:?}");

    // Twice at once and once more: one lock, one version.
    let (first, second) = tokio::join!(
        database.lock(id, buyer, payment, 2 * PRICE),
        database.lock(id, buyer, payment, 2 * PRICE)
    );
    let third = database.lock(id, buyer, payment, 2 * PRICE).await;
    for outcome in [first, second, third] {
        assert!(matches!(outcome, LockOutcome::Locked(_, 2)), "{outcome:?}");
    }
    let outcome = database.lock(id, buyer, Uuid::now_v7(), 2 * PRICE).await;
    assert!(
        matches!(outcome, LockOutcome::Refused(LockRefusal::PaymentInProgress)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_locked_hold_does_not_expire_and_an_unlock_gives_it_its_old_end() {
    let env = TestEnv::new().await;
    let database = Database::new(&env).await;
    let (buyer, payment) = (Buyer::new(), Uuid::now_v7());
    let id = database.held(buyer, &[1, 2], MINUTES).await;
    let outcome = database.lock(id, buyer, payment, 2 * PRICE).await;
    assert!(matches!(outcome, LockOutcome::Locked(..)), "{outcome:?}");
    // Its time passes.
    sqlx::query("update reservation_service.reservations set hold_expires_at = clock_timestamp() where id = $1")
        .bind(id)
        .execute(&database.pool)
        .await
        .unwrap();
    assert_eq!(database.sweep().await, 0);
    let (_, outcome) = database.hold(Buyer::new(), &[1], MINUTES).await;
    assert!(
        matches!(outcome, HoldOutcome::Refused(HoldRefusal::SeatsTaken(_))),
        "{outcome:?}"
    );

    let mut transaction = database.pool.begin().await.unwrap();
    assert!(
        unlock(&mut transaction, id, Uuid::now_v7()).await.unwrap().is_none(),
        "another payment unlocks nothing"
    );
    let unlocked = unlock(&mut transaction, id, payment).await.unwrap().unwrap();
    assert_eq!(unlocked.left, None, "the hold's time is over");
    assert!(
        unlock(&mut transaction, id, payment).await.unwrap().is_none(),
        "a repetition does nothing"
    );
    transaction.commit().await.unwrap();

    assert_eq!(database.state(id).await, pending());
    let outcome = database.lock(id, buyer, Uuid::now_v7(), 2 * PRICE).await;
    assert!(
        matches!(outcome, LockOutcome::Refused(LockRefusal::HoldExpired)),
        "{outcome:?}"
    );
    assert_eq!(database.sweep().await, 1);
    assert_eq!(database.state(id).await, cancelled("HOLD_EXPIRED"));
}

#[tokio::test]
async fn an_expired_seat_goes_to_its_payment_or_to_the_next_buyer_never_to_both() {
    let env = TestEnv::new().await;
    let database = Database::new(&env).await;
    let (mut locked_rounds, mut taken_rounds) = (0, 0);
    for round in 0..25_u32 {
        let buyer = Buyer::new();
        let seat = u128::from(round);
        let seats = [seat];
        let id = database.held(buyer, &seats, Duration::from_millis(30)).await;
        // Around the very moment at which it expires.
        tokio::time::sleep(Duration::from_millis(u64::from(15 + round % 14))).await;
        let (lock, (taker, taken)) = tokio::join!(
            database.lock(id, buyer, Uuid::now_v7(), PRICE),
            database.hold_again(Buyer::new(), &seats, MINUTES)
        );
        let locked = matches!(lock, LockOutcome::Locked(..));
        let taken = matches!(taken, HoldOutcome::Created { .. });
        assert!(!(locked && taken), "round {round}: {lock:?}");
        if locked {
            locked_rounds += 1;
            assert_eq!(database.owner(seat).await, Some(id));
        } else if taken {
            taken_rounds += 1;
            assert_eq!(database.owner(seat).await, Some(taker));
            assert_eq!(database.state(id).await, cancelled("HOLD_EXPIRED"));
        }
    }
    assert!(locked_rounds + taken_rounds > 0);
}

#[tokio::test]
async fn only_the_payment_that_holds_the_lock_ends_the_reservation() {
    let env = TestEnv::new().await;
    let database = Database::new(&env).await;
    let (buyer, payment) = (Buyer::new(), Uuid::now_v7());
    let id = database.held(buyer, &[1], MINUTES).await;
    database.lock(id, buyer, payment, PRICE).await;

    let mut transaction = database.pool.begin().await.unwrap();
    assert!(
        payment_failed(&mut transaction, id, Uuid::now_v7())
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        payment_failed(&mut transaction, Uuid::now_v7(), payment)
            .await
            .unwrap()
            .is_none()
    );
    assert!(payment_failed(&mut transaction, id, payment).await.unwrap().is_some());
    assert!(payment_failed(&mut transaction, id, payment).await.unwrap().is_none());
    transaction.commit().await.unwrap();
    assert_eq!(database.state(id).await, cancelled("PAYMENT_FAILED"));
    assert_eq!(database.owner(1).await, None);
    assert_eq!(database.messages(id).await.len(), 1);
}

#[tokio::test]
async fn every_old_lock_has_its_turn_before_one_is_asked_after_twice() {
    let env = TestEnv::new().await;
    let database = Database::new(&env).await;
    for seat in 1..=3 {
        let buyer = Buyer::new();
        let id = database.held(buyer, &[seat], MINUTES).await;
        let _locked = database.lock(id, buyer, Uuid::now_v7(), PRICE).await;
    }
    let mut asked = Vec::new();
    for _ in 0..3 {
        let mut connection = database.pool.acquire().await.unwrap();
        let claimed = db::claim_overdue_locks(&mut connection, Duration::ZERO, Duration::ZERO, 1).await;
        asked.extend(claimed.unwrap().into_iter().map(|lock| lock.reservation_id));
    }
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked.len(), 3);
}
