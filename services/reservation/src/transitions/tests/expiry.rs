use super::{Buyer, Database, INSTANT, MINUTES, cancelled, pending};
use crate::transitions::{HoldOutcome, cancel, release};
use test_support::TestEnv;
use tokio::task::JoinSet;
use uuid::Uuid;

#[tokio::test]
async fn an_expired_hold_makes_way_and_its_reservation_is_cancelled() {
    let env = TestEnv::new().await;
    let database = Database::new(&env).await;
    let (old_buyer, new_buyer) = (Buyer::new(), Buyer::new());
    let old = database.held(old_buyer, &[1, 2, 3], INSTANT).await;

    let (new, outcome) = database.hold(new_buyer, &[2, 9], MINUTES).await;
    let HoldOutcome::Created { displaced, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        displaced
            .iter()
            .map(|tickets| tickets.reservation_id)
            .collect::<Vec<_>>(),
        [old]
    );
    assert_eq!(displaced[0].seat_ids, [1, 2, 3].map(Uuid::from_u128));
    assert_eq!(database.state(old).await, cancelled("HOLD_EXPIRED"));
    assert_eq!(database.owner(2).await, Some(new));
    // What the new buyer did not want is nobody's.
    assert_eq!((database.owner(1).await, database.owner(3).await), (None, None));
    let expired = ("ReservationCancelled".to_owned(), Some("HOLD_EXPIRED".to_owned()));
    assert_eq!(database.messages(old).await, [expired]);
}

#[tokio::test]
async fn an_expired_hold_makes_way_for_one_of_many() {
    let env = TestEnv::new().await;
    let database = Database::new(&env).await;
    let old = database.held(Buyer::new(), &[1, 2, 3, 4], INSTANT).await;
    let mut race = JoinSet::new();
    for n in 0..20_u128 {
        let database = database.clone();
        let seats = if n % 2 == 0 { vec![1, 4] } else { vec![4, 3] };
        race.spawn(async move { database.hold_again(Buyer::new(), &seats, MINUTES).await });
    }
    let outcomes = race.join_all().await;
    let winners = outcomes
        .iter()
        .filter(|(_, outcome)| matches!(outcome, HoldOutcome::Created { .. }))
        .count();
    assert_eq!(winners, 1);
    assert_eq!(database.state(old).await, cancelled("HOLD_EXPIRED"));
    assert_eq!(database.messages(old).await.len(), 1);
}

#[tokio::test]
async fn the_buyers_own_expired_hold_is_not_in_the_way() {
    let env = TestEnv::new().await;
    let database = Database::new(&env).await;
    let buyer = Buyer::new();
    let old = database.held(buyer, &[1, 2], INSTANT).await;
    let new = database.held(buyer, &[7], MINUTES).await;
    assert_eq!(database.state(old).await, cancelled("HOLD_EXPIRED"));
    assert_eq!((database.owner(1).await, database.owner(7).await), (None, Some(new)));
}

#[tokio::test]
async fn two_sweeps_at_once_end_each_hold_once() {
    let env = TestEnv::new().await;
    let database = Database::new(&env).await;
    let mut ids = Vec::new();
    for seat in 0..20 {
        ids.push(database.held(Buyer::new(), &[seat], INSTANT).await);
    }
    let live = database.held(Buyer::new(), &[99], MINUTES).await;
    let (first, second, third) = tokio::join!(database.sweep(), database.sweep(), database.sweep());
    let rest = database.sweep().await;
    assert_eq!(first + second + third + rest, 20);
    for id in ids {
        assert_eq!(database.messages(id).await.len(), 1);
    }
    assert_eq!(database.state(live).await, pending());
}

#[tokio::test]
async fn the_sweep_passes_over_what_somebody_is_working_on() {
    let env = TestEnv::new().await;
    let database = Database::new(&env).await;
    let busy = database.held(Buyer::new(), &[1, 2], INSTANT).await;
    let idle = database.held(Buyer::new(), &[3], INSTANT).await;
    let mut work = database.pool.begin().await.unwrap();
    // One of its seats is enough.
    sqlx::query("select 1 from reservation_service.seat_assignments where seat_id = $1 for update")
        .bind(Uuid::from_u128(2))
        .execute(&mut *work)
        .await
        .unwrap();
    assert_eq!(database.sweep().await, 1);
    assert_eq!(
        (database.state(busy).await, database.state(idle).await),
        (pending(), cancelled("HOLD_EXPIRED"))
    );
    work.rollback().await.unwrap();
    assert_eq!(database.sweep().await, 1);
    assert_eq!(database.state(busy).await, cancelled("HOLD_EXPIRED"));
}

#[tokio::test]
async fn a_release_and_a_cancellation_at_once_end_a_hold_once() {
    let env = TestEnv::new().await;
    let database = Database::new(&env).await;
    let buyer = Buyer::new();
    let id = database.held(buyer, &[1, 2], MINUTES).await;
    let end = async |by_release: bool| {
        let mut transaction = database.pool.begin().await.unwrap();
        if by_release {
            let _outcome = release(&mut transaction, id, buyer.0).await.unwrap();
        } else {
            let _outcome = cancel(&mut transaction, id, buyer.0).await.unwrap();
        }
        transaction.commit().await.unwrap();
    };
    tokio::join!(end(true), end(false), end(true), end(false));
    assert_eq!(database.state(id).await, cancelled("HOLD_RELEASED"));
    assert_eq!(database.messages(id).await.len(), 1);
}
