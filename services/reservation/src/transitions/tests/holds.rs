use super::{Buyer, Database, INSTANT, MINUTES, PRICE, reserved};
use crate::{
    db::{self, NewReservation, SurveyRequest},
    neighbours::{EventInfo, EventState},
    transitions::{HoldOutcome, HoldRefusal, hold::existing, payment_failed},
};
use chrono::TimeDelta;
use test_support::TestEnv;
use tokio::task::JoinSet;
use uuid::Uuid;

#[tokio::test]
async fn of_fifty_holds_of_one_seat_at_once_exactly_one_wins() {
    let env = TestEnv::new().await;
    let database = Database::new(&env).await;
    let mut race = JoinSet::new();
    for _ in 0..50 {
        let database = database.clone();
        race.spawn(async move { database.hold(Buyer::new(), &[1], MINUTES).await });
    }
    let outcomes = race.join_all().await;
    let winners: Vec<Uuid> = outcomes
        .iter()
        .filter(|(_, outcome)| matches!(outcome, HoldOutcome::Created { .. }))
        .map(|(id, _)| *id)
        .collect();
    let losers = outcomes.iter().filter(|(_, outcome)| {
        matches!(outcome, HoldOutcome::Refused(HoldRefusal::SeatsTaken(seats)) if *seats == [Uuid::from_u128(1)])
    });
    assert_eq!((winners.len(), losers.count()), (1, 49));
    assert_eq!(database.owner(1).await, Some(winners[0]));
}

#[tokio::test]
async fn overlapping_holds_get_all_their_seats_or_none() {
    let env = TestEnv::new().await;
    let database = Database::new(&env).await;
    let mut race = JoinSet::new();
    // Every third seat pattern overlaps the next, given in both orders, which would deadlock without sorting.
    for n in 0..60_u128 {
        let database = database.clone();
        let first = n % 9;
        let seats = if n % 2 == 0 {
            [first, first + 1, first + 2]
        } else {
            [first + 2, first + 1, first]
        };
        race.spawn(async move { database.hold(Buyer::new(), &seats, MINUTES).await });
    }
    let created: Vec<Uuid> = race
        .join_all()
        .await
        .into_iter()
        .filter(|(_, outcome)| matches!(outcome, HoldOutcome::Created { .. }))
        .map(|(id, _)| id)
        .collect();
    let complete: Vec<(Uuid, i64)> = sqlx::query_as(
        "select reservation_id, count(*) from reservation_service.seat_assignments group by 1 order by 1",
    )
    .fetch_all(&database.pool)
    .await
    .unwrap();
    let mut expected: Vec<(Uuid, i64)> = created.into_iter().map(|id| (id, 3)).collect();
    expected.sort_unstable();
    assert!(!expected.is_empty());
    assert_eq!(complete, expected);
}

#[tokio::test]
async fn tabs_of_one_buyer_share_one_pending_reservation() {
    let env = TestEnv::new().await;
    let database = Database::new(&env).await;
    let buyer = Buyer::new();
    let mut race = JoinSet::new();
    for n in 0..10_u128 {
        let database = database.clone();
        race.spawn(async move {
            database
                .hold(buyer, &[n * 4, n * 4 + 1, n * 4 + 2, n * 4 + 3], MINUTES)
                .await
                .1
        });
    }
    let outcomes = race.join_all().await;
    let created = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, HoldOutcome::Created { .. }))
        .count();
    let refused = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, HoldOutcome::Refused(HoldRefusal::HoldExists(_))))
        .count();
    assert_eq!((created, refused), (1, 9));
    let assigned: i64 = sqlx::query_scalar("select count(*) from reservation_service.seat_assignments")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert_eq!(assigned, 4);
}

#[tokio::test]
async fn confirmed_seats_count_against_the_limit() {
    let env = TestEnv::new().await;
    let database = Database::new(&env).await;
    let buyer = Buyer::new();
    let first = database.held(buyer, &[1, 2, 3], MINUTES).await;
    database.confirm(first).await;
    let (_, outcome) = database.hold(buyer, &[4, 5], MINUTES).await;
    assert!(
        matches!(
            outcome,
            HoldOutcome::Refused(HoldRefusal::LimitExceeded { confirmed: 3 })
        ),
        "{outcome:?}"
    );
    database.held(buyer, &[4], MINUTES).await;
}

#[tokio::test]
async fn the_same_seats_again_are_the_same_reservation() {
    let env = TestEnv::new().await;
    let database = Database::new(&env).await;
    let buyer = Buyer::new();
    let first = database.held(buyer, &[1, 2], MINUTES).await;
    let (_, outcome) = database.hold(buyer, &[2, 1], MINUTES).await;
    assert!(
        matches!(&outcome, HoldOutcome::Existing(read) if read.reservation.id == first),
        "{outcome:?}"
    );
    let (_, outcome) = database.hold(buyer, &[1], MINUTES).await;
    assert!(
        matches!(outcome, HoldOutcome::Refused(HoldRefusal::HoldExists(id)) if id == first),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn holds_follow_the_sale_window_and_the_version_of_the_event() {
    let env = TestEnv::new().await;
    let database = Database::new(&env).await;
    let buyer = Buyer::new();
    let later = EventInfo {
        sale_start_at: database.now + TimeDelta::hours(1),
        ..database.event()
    };
    let (_, outcome) = database.hold_in(&later, buyer, &[1], MINUTES).await;
    assert!(
        matches!(outcome, HoldOutcome::Refused(HoldRefusal::NotOpen { .. })),
        "{outcome:?}"
    );
    let over = EventInfo {
        sale_end_at: database.now,
        ..database.event()
    };
    let (_, outcome) = database.hold_in(&over, buyer, &[1], MINUTES).await;
    assert!(
        matches!(outcome, HoldOutcome::Refused(HoldRefusal::Closed)),
        "{outcome:?}"
    );
    let cancelled = EventInfo {
        status: EventState::Cancelled,
        ..database.event()
    };
    let (_, outcome) = database.hold_in(&cancelled, buyer, &[1], MINUTES).await;
    assert!(
        matches!(outcome, HoldOutcome::Refused(HoldRefusal::Closed)),
        "{outcome:?}"
    );

    let read_too_early = EventInfo {
        read_at: database.event().sale_start_at - TimeDelta::microseconds(1),
        ..database.event()
    };
    let (_, outcome) = database.hold_in(&read_too_early, buyer, &[1], MINUTES).await;
    assert!(matches!(outcome, HoldOutcome::Changed(0)), "{outcome:?}");

    let mut connection = database.pool.acquire().await.unwrap();
    db::raise_event_version(&mut connection, database.event_id, 2)
        .await
        .unwrap();
    let (_, outcome) = database.hold(buyer, &[1], MINUTES).await;
    assert!(matches!(outcome, HoldOutcome::Changed(2)), "{outcome:?}");
}

#[tokio::test]
async fn the_statement_itself_takes_only_free_and_expired_seats() {
    let env = TestEnv::new().await;
    let database = Database::new(&env).await;
    let expired = database.held(Buyer::new(), &[1], INSTANT).await;
    database.held(Buyer::new(), &[2], MINUTES).await;
    let sold = database.held(Buyer::new(), &[3], MINUTES).await;
    database.confirm(sold).await;

    // Without the survey before it; rolled back in the end.
    let mut transaction = database.pool.begin().await.unwrap();
    let seats = [1, 2, 3, 4].map(reserved);
    let reservation = |id, seats| NewReservation {
        id,
        user_id: Uuid::now_v7(),
        event_id: database.event_id,
        total_amount: 0,
        hold_expires_at: database.now + TimeDelta::minutes(5),
        event_title: "",
        event_start_at: database.now,
        event_end_at: database.now,
        grant_id: None,
        seats,
    };
    let id = Uuid::now_v7();
    let taken = db::take_and_reserve(&mut transaction, reservation(id, &seats))
        .await
        .unwrap();
    assert_eq!(taken, [(seats[0].seat_id, Some(expired)), (seats[3].seat_id, None)]);
    assert!(db::find(&mut transaction, id).await.unwrap().is_none());
    transaction.rollback().await.unwrap();

    // A seat that was somebody's until now is no free one either: that reservation has to go first.
    let mut transaction = database.pool.begin().await.unwrap();
    let taken = db::take_and_reserve(&mut transaction, reservation(id, &seats[..1]))
        .await
        .unwrap();
    assert_eq!(taken, [(seats[0].seat_id, Some(expired))]);
    assert!(db::find(&mut transaction, id).await.unwrap().is_none());
}

/// A payment's outcome takes the rows and not the buyer's lock.
#[tokio::test]
async fn a_hold_that_ended_since_it_was_surveyed_is_not_answered_as_held() {
    let env = TestEnv::new().await;
    let database = Database::new(&env).await;
    let (buyer, payment, seats) = (Buyer::new(), Uuid::now_v7(), [Uuid::from_u128(1)]);
    let id = database.held(buyer, &[1], MINUTES).await;
    let _locked = database.lock(id, buyer, payment, PRICE).await;

    let mut repeated = database.pool.begin().await.unwrap();
    let request = SurveyRequest {
        user_id: buyer.0,
        event_id: database.event_id,
        seat_ids: &seats,
        hold_for: MINUTES,
    };
    let survey = db::survey(&mut repeated, request).await.unwrap();
    assert_eq!((survey.pending_id, survey.pending_live), (Some(id), Some(true)));
    let mut failing = database.pool.begin().await.unwrap();
    payment_failed(&mut failing, id, payment).await.unwrap();
    failing.commit().await.unwrap();
    let outcome = existing(&mut repeated, id, &survey, &seats).await.unwrap();
    assert!(matches!(outcome, HoldOutcome::Lost), "{outcome:?}");
}
