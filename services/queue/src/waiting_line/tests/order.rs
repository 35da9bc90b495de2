use super::{Bench, EnterReply, Tick, place, replica, settings};
use futures_util::{StreamExt, stream};
use std::collections::HashSet;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_at_once_through_four_replicas_are_admitted_in_the_order_of_their_scores() {
    let bench = Bench::new(&[]).await;
    let replicas: Vec<_> = (0..4).map(|_| replica(&bench.env)).collect();
    let entered: Vec<(Uuid, i64, u64)> = stream::iter(0..1000)
        .map(|number| {
            let (line, event, limits) = (&replicas[number % 4], bench.event, bench.enter_limits());
            async move {
                let user = Uuid::new_v4();
                let place = place(line.enter(event, user, limits).await.unwrap());
                (user, place.score, place.position)
            }
        })
        .buffer_unordered(200)
        .collect()
        .await;
    let mut by_score = entered.clone();
    by_score.sort_by_key(|(_, score, _)| *score);
    assert_eq!(
        by_score.iter().map(|(_, score, _)| score).collect::<HashSet<_>>().len(),
        1000,
        "scores differ"
    );
    for (index, (_, _, position)) in by_score.iter().enumerate() {
        assert_eq!(
            *position,
            index as u64 + 1,
            "the position told at entry is the place in the order"
        );
    }

    let mut admitted = 0;
    while admitted < by_score.len() {
        let order = Tick {
            settings: settings(400, 1_000_000),
            ..bench.tick_order()
        };
        let count = usize::try_from(bench.tick(order).await.admitted).unwrap();
        // Exactly the first ones are in, nobody behind them.
        for (user, _, _) in &by_score[admitted..admitted + count] {
            bench.grant(*user).await;
        }
        if let Some((next, _, _)) = by_score.get(admitted + count) {
            assert_eq!(place_of(&bench, *next).await, 1);
        }
        admitted += count;
        super::pause(100).await;
    }
}

#[tokio::test]
async fn scores_increase_even_when_the_clock_does_not() {
    let bench = Bench::new(&[]).await;
    let ahead = 3_000_000_000_000_000;
    bench.set_control("last", ahead).await;
    for step in 1..=5 {
        assert_eq!(place(bench.enter(Uuid::new_v4()).await).score, ahead + step);
    }
}

#[tokio::test]
async fn entering_again_returns_the_same_place() {
    let bench = Bench::new(&[]).await;
    let users = bench.enter_all(3).await;
    let again = place(bench.enter(users[1]).await);
    assert_eq!((again.position, again.total), (2, 3));
    let first = place(bench.enter(users[0]).await);
    assert!(first.score < again.score);
}

#[tokio::test]
async fn a_full_line_refuses_newcomers_and_keeps_its_own() {
    let bench = Bench::new(&[("QUEUE_CAPACITY", "3")]).await;
    let users = bench.enter_all(3).await;
    assert!(matches!(bench.enter(Uuid::new_v4()).await, EnterReply::Full));
    assert_eq!(place(bench.enter(users[2]).await).position, 3);
    bench.line.leave(bench.event, users[0]).await.unwrap();
    assert_eq!(place(bench.enter(Uuid::new_v4()).await).position, 3);
}

#[tokio::test]
async fn the_sale_window_is_judged_by_redis() {
    let bench = Bench::new(&[]).await;
    let now = bench.line.now().await.unwrap();
    let second = chrono::TimeDelta::seconds(1);
    let early = super::EnterLimits {
        opens: now + second,
        ..bench.enter_limits()
    };
    let late = super::EnterLimits {
        closes: now - second,
        ..bench.enter_limits()
    };
    let user = Uuid::new_v4();
    assert!(
        matches!(bench.line.enter(bench.event, user, early).await.unwrap(), EnterReply::NotOpen(told) if told >= now)
    );
    assert!(matches!(
        bench.line.enter(bench.event, user, late).await.unwrap(),
        EnterReply::Closed
    ));
}

async fn place_of(bench: &Bench, user: Uuid) -> u64 {
    match bench.poll(user).await {
        super::Standing::Waiting(place) => place.position,
        other => panic!("not waiting: {other:?}"),
    }
}
