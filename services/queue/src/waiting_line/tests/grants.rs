use super::{Bench, Standing, pause, place};
use crate::waiting_line::AbsenceReason;
use chrono::TimeDelta;
use redis::cmd;
use serde_json::Value;
use uuid::Uuid;

#[tokio::test]
async fn the_token_stays_the_same_from_poll_to_poll() {
    let bench = Bench::new(&[]).await;
    let user = bench.enter_all(1).await[0];
    bench.tick(bench.tick_order()).await;
    let first = bench.grant(user).await;
    assert!(first.token.starts_with("qr_") && first.token.len() > 40);
    pause(5).await;
    assert_eq!(bench.grant(user).await, first, "same token, same expiry");
    assert!(
        matches!(bench.enter(user).await, super::EnterReply::Standing(seen) if seen.value == Standing::Admitted(first))
    );
}

#[tokio::test]
async fn the_published_token_names_user_event_and_kind_and_lives_as_long_as_the_grant() {
    let bench = Bench::new(&[]).await;
    let user = bench.enter_all(1).await[0];
    bench.tick(bench.tick_order()).await;
    let grant = bench.grant(user).await;
    let now = bench.line.now().await.unwrap();
    bench.line.publish_grant(bench.event, user, &grant, now).await.unwrap();
    let key = format!("queue:token:{}", grant.token);
    let mut redis = bench.line.connection();
    let text: String = cmd("GET").arg(&key).query_async(&mut redis).await.unwrap();
    let record: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(record["userId"], user.to_string());
    assert_eq!(record["eventId"], bench.event.to_string());
    assert_eq!(record["type"], "RESERVATION");
    assert!(record["issuedAt"].is_string() && record.get("reservationId").is_none());
    let expires: i64 = cmd("PEXPIRETIME").arg(&key).query_async(&mut redis).await.unwrap();
    assert_eq!(expires, grant.expires_at.timestamp_millis());
}

#[tokio::test]
async fn a_token_is_good_for_its_own_user_and_event_only() {
    let bench = Bench::new(&[]).await;
    let users = bench.enter_all(2).await;
    bench.tick(bench.tick_order()).await;
    let (grant, other) = (bench.grant(users[0]).await, bench.grant(users[1]).await);
    let place = bench
        .line
        .place_of_token(bench.event, users[0], &grant.token)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((place.grant_id, place.expires_at), (grant.id, grant.expires_at));
    for (event, user, token) in [
        (bench.event, users[1], &grant.token),
        (bench.event, users[0], &other.token),
        (Uuid::now_v7(), users[0], &grant.token),
        (bench.event, users[0], &String::from("qr_guess")),
    ] {
        assert_eq!(bench.line.place_of_token(event, user, token).await.unwrap(), None);
    }
}

#[tokio::test]
async fn an_unclaimed_grant_opens_nothing() {
    let bench = Bench::new(&[]).await;
    let user = bench.enter_all(1).await[0];
    bench.tick(bench.tick_order()).await;
    let grants = &super::keys::line(bench.event)[2];
    let text: String = cmd("HGET")
        .arg(grants)
        .arg(user.to_string())
        .query_async(&mut bench.line.connection())
        .await
        .unwrap();
    let token = text.split('|').nth(1).unwrap();
    assert_eq!(bench.line.place_of_token(bench.event, user, token).await.unwrap(), None);
}

#[tokio::test]
async fn leaving_revokes_the_token_and_may_be_repeated() {
    let bench = Bench::new(&[]).await;
    let user = bench.enter_all(1).await[0];
    bench.tick(bench.tick_order()).await;
    let grant = bench.grant(user).await;
    let now = bench.line.now().await.unwrap();
    bench.line.publish_grant(bench.event, user, &grant, now).await.unwrap();
    assert!(bench.line.leave(bench.event, user).await.unwrap());
    assert!(!bench.line.leave(bench.event, user).await.unwrap());
    assert_eq!(
        bench
            .line
            .place_of_token(bench.event, user, &grant.token)
            .await
            .unwrap(),
        None
    );
    let key = format!("queue:token:{}", grant.token);
    let kept: bool = cmd("EXISTS")
        .arg(key)
        .query_async(&mut bench.line.connection())
        .await
        .unwrap();
    assert!(!kept);
    assert_eq!(bench.poll(user).await, Standing::Absent(Some(AbsenceReason::Left)));
}

#[tokio::test]
async fn a_late_message_does_not_end_a_newer_session() {
    let bench = Bench::new(&[]).await;
    let user = bench.enter_all(1).await[0];
    bench.tick(bench.tick_order()).await;
    let old = bench.grant(user).await;
    bench.line.leave(bench.event, user).await.unwrap();
    place(bench.enter(user).await);
    bench.tick(bench.tick_order()).await;
    let new = bench.grant(user).await;
    assert_ne!(old.id, new.id);
    for id in [old.id.as_str(), ""] {
        bench.line.release(bench.event, user, id).await.unwrap();
        assert_eq!(bench.grant(user).await, new);
    }
    bench.line.release(bench.event, user, &new.id).await.unwrap();
    assert_eq!(bench.poll(user).await, Standing::Absent(None));
    bench.line.release(bench.event, user, &new.id).await.unwrap();
}

#[tokio::test]
async fn a_place_ends_when_its_time_is_over() {
    let bench = Bench::new(&[("QUEUE_TOKEN_TTL_SECONDS", "0.1")]).await;
    let user = bench.enter_all(1).await[0];
    bench.tick(bench.tick_order()).await;
    let grant = bench.grant(user).await;
    pause(120).await;
    assert_eq!(
        bench
            .line
            .place_of_token(bench.event, user, &grant.token)
            .await
            .unwrap(),
        None,
        "also before a tick"
    );
    assert_eq!(bench.poll(user).await, Standing::Absent(Some(AbsenceReason::Expired)));
    assert_eq!(bench.tick(bench.tick_order()).await.active, 0);
}

#[tokio::test]
async fn a_hold_extends_a_place_and_never_shortens_or_revives_it() {
    let bench = Bench::new(&[]).await;
    let user = bench.enter_all(1).await[0];
    bench.tick(bench.tick_order()).await;
    let grant = bench.grant(user).await;
    let sooner = grant.expires_at - TimeDelta::seconds(30);
    bench.line.extend_place(bench.event, user, sooner).await.unwrap();
    assert_eq!(bench.grant(user).await.expires_at, grant.expires_at);
    let later = grant.expires_at + TimeDelta::seconds(30);
    bench.line.extend_place(bench.event, user, later).await.unwrap();
    let extended = bench.grant(user).await;
    assert_eq!((extended.expires_at, extended.token), (later, grant.token.clone()));
    bench.line.leave(bench.event, user).await.unwrap();
    bench.line.extend_place(bench.event, user, later).await.unwrap();
    assert_eq!(
        bench
            .line
            .place_of_token(bench.event, user, &grant.token)
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn a_payment_token_is_bound_to_user_event_and_reservation() {
    let bench = Bench::new(&[]).await;
    let (user, reservation) = (Uuid::now_v7(), Uuid::now_v7());
    let life = bench.limits.session;
    let first = bench
        .line
        .issue_payment_token(bench.event, user, reservation, life)
        .await
        .unwrap();
    let second = bench
        .line
        .issue_payment_token(bench.event, user, reservation, life)
        .await
        .unwrap();
    assert!(first.token.starts_with("qp_") && first.token != second.token);
    let end = |token: String, user, event, reservation| {
        let line = bench.line.clone();
        async move { line.payment_token_end(&token, user, event, reservation).await.unwrap() }
    };
    for token in [&first, &second] {
        assert_eq!(
            end(token.token.clone(), user, bench.event, Some(reservation)).await,
            Some(token.expires_at)
        );
        assert_eq!(
            end(token.token.clone(), user, bench.event, None).await,
            Some(token.expires_at)
        );
    }
    assert_eq!(
        end(first.token.clone(), user, bench.event, Some(Uuid::now_v7())).await,
        None
    );
    assert_eq!(
        end(first.token.clone(), user, Uuid::now_v7(), Some(reservation)).await,
        None
    );
    assert_eq!(
        end(first.token.clone(), Uuid::now_v7(), bench.event, Some(reservation)).await,
        None
    );
    assert_eq!(end("qp_guess".to_owned(), user, bench.event, None).await, None);
}
