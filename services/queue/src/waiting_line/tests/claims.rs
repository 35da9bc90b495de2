use super::{Bench, place};
use crate::waiting_line::Claimed;
use std::time::Duration;
use uuid::Uuid;

const LIFE: Duration = Duration::from_secs(600);

#[tokio::test]
async fn a_user_is_claimed_by_one_event() {
    let bench = Bench::new(&[]).await;
    let (user, other) = (Uuid::now_v7(), Uuid::now_v7());
    assert_eq!(bench.line.claim(user, bench.event, LIFE).await.unwrap(), Claimed::New);
    assert_eq!(
        bench.line.claim(user, bench.event, LIFE).await.unwrap(),
        Claimed::Before
    );
    assert_eq!(
        bench.line.claim(user, other, LIFE).await.unwrap(),
        Claimed::Elsewhere(bench.event)
    );
    assert_eq!(bench.line.claimed_event(user).await.unwrap(), Some(bench.event));
}

#[tokio::test]
async fn a_claim_is_taken_over_only_from_the_event_that_was_looked_at() {
    let bench = Bench::new(&[]).await;
    let (user, second, third) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    bench.line.claim(user, bench.event, LIFE).await.unwrap();
    assert!(!bench.line.take_over_claim(user, second, third, LIFE).await.unwrap());
    assert!(
        bench
            .line
            .take_over_claim(user, bench.event, second, LIFE)
            .await
            .unwrap()
    );
    assert_eq!(bench.line.claimed_event(user).await.unwrap(), Some(second));
}

#[tokio::test]
async fn polling_extends_a_claim_by_value_and_never_makes_one() {
    let bench = Bench::new(&[]).await;
    let user = Uuid::now_v7();
    assert!(!bench.line.extend_claim(user, bench.event, LIFE).await.unwrap());
    assert_eq!(bench.line.claimed_event(user).await.unwrap(), None);
    bench
        .line
        .claim(user, bench.event, Duration::from_secs(1))
        .await
        .unwrap();
    assert!(!bench.line.extend_claim(user, Uuid::now_v7(), LIFE).await.unwrap());
    assert!(bench.line.extend_claim(user, bench.event, LIFE).await.unwrap());
    let life: i64 = redis::cmd("TTL")
        .arg(super::keys::claim(user))
        .query_async(&mut bench.line.connection())
        .await
        .unwrap();
    assert!(life > 590, "{life}");
}

#[tokio::test]
async fn leaving_can_be_repeated_when_it_was_cut_off_half_way() {
    let bench = Bench::new(&[]).await;
    let user = bench.enter_all(1).await[0];
    bench.line.claim(user, bench.event, LIFE).await.unwrap();
    assert_eq!(bench.line.leave_claim(user, LIFE).await.unwrap(), Some(bench.event));
    // Here the process dies. The next try still knows what to leave.
    assert_eq!(bench.line.leave_claim(user, LIFE).await.unwrap(), Some(bench.event));
    assert!(bench.line.leave(bench.event, user).await.unwrap());
    assert_eq!(bench.line.left_event(user).await.unwrap(), Some(bench.event));
}

#[tokio::test]
async fn a_refusal_ends_only_its_own_claim() {
    let bench = Bench::new(&[]).await;
    let user = Uuid::now_v7();
    bench.line.claim(user, bench.event, LIFE).await.unwrap();
    bench.line.drop_claim(user, Uuid::now_v7()).await.unwrap();
    assert_eq!(bench.line.claimed_event(user).await.unwrap(), Some(bench.event));
    bench.line.drop_claim(user, bench.event).await.unwrap();
    assert_eq!(bench.line.claimed_event(user).await.unwrap(), None);
}

#[tokio::test]
async fn an_event_is_retired_only_after_a_minute_without_a_sign_of_life() {
    let bench = Bench::new(&[]).await;
    place(bench.enter(Uuid::now_v7()).await);
    bench.line.register_live(bench.event).await.unwrap();
    bench.line.retire_live(bench.event).await.unwrap();
    assert_eq!(bench.line.live_events().await.unwrap(), [bench.event]);
    redis::cmd("ZADD")
        .arg(super::keys::LIVE)
        .arg(1)
        .arg(bench.event.to_string())
        .query_async::<()>(&mut bench.line.connection())
        .await
        .unwrap();
    bench.line.retire_live(bench.event).await.unwrap();
    assert!(bench.line.live_events().await.unwrap().is_empty());
}
