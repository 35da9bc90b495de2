use super::{Bench, EnterReply, place};
use uuid::Uuid;

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
