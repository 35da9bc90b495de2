use crate::helpers::{App, SOON};
use redis::AsyncCommands;
use test_support::{TestEnv, eventually};
use tokio::task::JoinSet;
use uuid::Uuid;

#[tokio::test]
async fn redis_takes_all_seats_or_none() {
    let app = App::start().await;
    let id = app.buyer().hold(&[1]).await;
    let problem = app
        .buyer()
        .try_hold(&[1, 2])
        .await
        .expect_problem(409, "SEAT_UNAVAILABLE");
    assert_eq!(problem["seatIds"], serde_json::json!([Uuid::from_u128(1)]));
    assert_eq!((app.redis_holder(1).await, app.redis_holder(2).await), (Some(id), None));
    app.buyer().hold(&[2]).await;

    let key = format!("seat:holds:{{{}}}", app.event_id);
    let mut listed: Vec<Uuid> = app
        .redis()
        .await
        .zrange::<_, Vec<String>>(&key, 0, -1)
        .await
        .unwrap()
        .iter()
        .map(|seat| seat.parse().unwrap())
        .collect();
    listed.sort_unstable();
    assert_eq!(listed, [1, 2].map(Uuid::from_u128));
    let ttl: i64 = app.redis().await.pttl(&key).await.unwrap();
    assert!((1..=300_000).contains(&ttl), "{ttl}");
}

#[tokio::test]
async fn when_redis_has_lost_its_holds_the_database_refuses_and_the_owner_gets_them_back() {
    // The worker that would put them back looks at the start, and then not again.
    let app = App::start_in(TestEnv::new().await.with("HOLD_REBUILD_CHECK_SECONDS", 3600)).await;
    let owner = app.buyer();
    let id = owner.hold(&[1, 2]).await;
    redis::cmd("FLUSHDB")
        .query_async::<()>(&mut app.redis().await)
        .await
        .unwrap();

    app.buyer()
        .try_hold(&[2, 3])
        .await
        .expect_problem(409, "SEAT_UNAVAILABLE");
    // Given back, the free seat as well as the one that was not.
    assert_eq!((app.redis_holder(2).await, app.redis_holder(3).await), (None, None));

    let _ = owner.try_hold(&[1, 2]).await.expect(200);
    assert_eq!(
        (app.redis_holder(1).await, app.redis_holder(2).await),
        (Some(id), Some(id))
    );
}

#[tokio::test]
async fn a_release_does_not_end_a_hold_that_is_not_its_own() {
    let app = App::start().await;
    let buyer = app.buyer();
    let old = buyer.hold(&[1, 2]).await;
    // Redis has lost the hold of one seat, and somebody is about to ask the database for it.
    let (key, other) = (
        format!("seat:hold:{{{}}}:{}", app.event_id, Uuid::from_u128(1)),
        Uuid::now_v7(),
    );
    let _: () = app
        .redis()
        .await
        .set(&key, format!("{}:{other}", Uuid::now_v7()))
        .await
        .unwrap();
    let _ = buyer.api.delete(&format!("/reservations/hold/{old}")).await.expect(204);
    assert_eq!(
        (app.redis_holder(1).await, app.redis_holder(2).await),
        (Some(other), None)
    );
}

#[tokio::test]
async fn a_hold_that_died_between_redis_and_the_database_is_not_in_its_buyers_way() {
    let app = App::start().await;
    let buyer = app.buyer();
    let dead = format!("{}:{}", buyer.id, Uuid::now_v7());
    let key = format!("seat:hold:{{{}}}:{}", app.event_id, Uuid::from_u128(1));
    let _: () = app.redis().await.pset_ex(&key, &dead, 60_000).await.unwrap();

    app.buyer().try_hold(&[1]).await.expect_problem(409, "SEAT_UNAVAILABLE");
    let id = buyer.hold(&[1, 2]).await;
    assert_eq!(
        (app.redis_holder(1).await, app.redis_holder(2).await),
        (Some(id), Some(id))
    );
}

#[tokio::test]
async fn a_buyer_who_hangs_up_leaves_no_hold_behind() {
    let app = App::start().await;
    let buyer = app.buyer();
    // The buyer's own lock is taken, so that the request stops between Redis and the database.
    let mut blocker = app.database.begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('buyer:' || $1::uuid || ':' || $2::uuid, 0))")
        .bind(buyer.id)
        .bind(app.event_id)
        .execute(&mut *blocker)
        .await
        .unwrap();
    let mut call = JoinSet::new();
    let caller = buyer.clone();
    call.spawn(async move { caller.try_hold(&[1, 2]).await });
    eventually("Redis is asked", SOON, async || app.redis_holder(1).await).await;
    call.shutdown().await;
    assert!(
        app.redis_holder(1).await.is_some(),
        "the request was stuck before the database"
    );

    blocker.rollback().await.unwrap();
    eventually("the seats are free in Redis", SOON, async || {
        (app.redis_holder(1).await.is_none() && app.redis_holder(2).await.is_none()).then_some(())
    })
    .await;
    app.buyer().hold(&[1, 2]).await;
}

#[tokio::test]
async fn without_redis_nothing_is_held() {
    // Nothing listens there.
    let app = App::start_in(TestEnv::new().await.with("REDIS_URL", "redis://127.0.0.1:1/0")).await;
    let reply = app.buyer().try_hold(&[1]).await;
    assert!(reply.header("retry-after").is_some());
    reply.expect_problem(503, "SERVICE_UNAVAILABLE");
    assert_eq!(app.seats("HOLD").await, [0; 0]);
}
