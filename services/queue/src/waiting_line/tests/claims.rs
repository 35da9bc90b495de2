use super::{Bench, place};
use crate::waiting_line::Claimed;
use std::time::Duration;
use uuid::Uuid;

const LIFE: Duration = Duration::from_secs(600);

#[tokio::test]
async fn a_place_binds_its_user_and_a_claim_alone_does_not() {
    let bench = Bench::new(&[]).await;
    let (user, other) = (Uuid::now_v7(), Uuid::now_v7());
    for _ in 0..2 {
        assert_eq!(bench.line.claim(user, bench.event, LIFE).await.unwrap(), Claimed::Here);
    }
    place(bench.enter(user).await);
    assert_eq!(
        bench.line.claim(user, other, LIFE).await.unwrap(),
        Claimed::Elsewhere(bench.event)
    );
    bench.line.leave(bench.event, user).await.unwrap();
    assert_eq!(bench.line.claim(user, other, LIFE).await.unwrap(), Claimed::Here);
    assert_eq!(bench.line.claimed_event(user).await.unwrap(), Some(other));
}

#[tokio::test]
async fn a_place_added_while_the_claim_moves_away_takes_it_back_or_goes() {
    let bench = Bench::new(&[]).await;
    let (user, other) = (Uuid::now_v7(), Uuid::now_v7());
    let (here, key) = (bench.event.to_string(), super::keys::claim(user));
    let mut redis = bench.line.connection();
    // Another request has marked the claim and not yet looked: the mark is taken off, so that it cannot go on.
    redis::cmd("SET")
        .arg(&key)
        .arg(format!("{here}>nonce"))
        .query_async::<()>(&mut redis)
        .await
        .unwrap();
    place(bench.enter(user).await);
    assert_eq!(
        bench.line.confirm(user, bench.event, LIFE).await.unwrap(),
        Claimed::Here
    );
    let text: String = redis::cmd("GET").arg(&key).query_async(&mut redis).await.unwrap();
    assert_eq!(text, here);
    // It has looked before the place was there, and gone on: this place is the one too many.
    redis::cmd("SET")
        .arg(&key)
        .arg(other.to_string())
        .query_async::<()>(&mut redis)
        .await
        .unwrap();
    assert_eq!(
        bench.line.confirm(user, bench.event, LIFE).await.unwrap(),
        Claimed::Elsewhere(other)
    );
    // No claim at all, by age or by a leave in another tab.
    redis::cmd("DEL").arg(&key).query_async::<()>(&mut redis).await.unwrap();
    assert_eq!(
        bench.line.confirm(user, bench.event, LIFE).await.unwrap(),
        Claimed::Here
    );
    assert_eq!(bench.line.claimed_event(user).await.unwrap(), Some(bench.event));
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
async fn a_claim_ends_only_where_it_names_an_event_without_a_place() {
    let bench = Bench::new(&[]).await;
    let user = Uuid::now_v7();
    bench.line.claim(user, bench.event, LIFE).await.unwrap();
    place(bench.enter(user).await);
    bench.line.unclaim(user, bench.event, LIFE).await.unwrap();
    bench.line.unclaim(user, Uuid::now_v7(), LIFE).await.unwrap();
    assert_eq!(bench.line.claimed_event(user).await.unwrap(), Some(bench.event));
    bench.line.leave(bench.event, user).await.unwrap();
    bench.line.unclaim(user, bench.event, LIFE).await.unwrap();
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
