use super::{ASKS_EACH_TIME, Database, KEY, LONG_LOCK, Process, SOON, World};
use redis::AsyncCommands;
use std::{sync::Arc, time::Duration};
use test_support::{eventually, servers::OwnRedis};

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_emptied_during_a_load_costs_another_load() {
    let world = World::new().await;
    let (process, database) = (world.process(&[LONG_LOCK]), Database::held());
    let get = async { process.get(&database).await.unwrap() };
    let lose = async {
        eventually("it loads", SOON, async || (database.loads() == 1).then_some(())).await;
        let _: () = redis::cmd("FLUSHDB")
            .query_async(&mut world.redis().await)
            .await
            .unwrap();
        database.set(2);
        database.ends.add_permits(2);
    };
    let (value, ()) = tokio::join!(get, lose);
    assert_eq!((value, database.loads()), (Some(2), 2));
    assert!(world.redis().await.exists::<_, bool>(KEY).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_emptied_between_loads_is_filled_again() {
    let world = World::new().await;
    let (process, database) = (world.process(&[ASKS_EACH_TIME]), Database::quick());
    assert_eq!(process.get(&database).await.unwrap(), Some(1));
    let _: () = redis::cmd("FLUSHDB")
        .query_async(&mut world.redis().await)
        .await
        .unwrap();
    assert_eq!(process.get(&database).await.unwrap(), Some(1));
    assert_eq!(database.loads(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_cannot_be_read_is_loaded() {
    let world = World::new().await;
    let (process, database) = (world.process(&[]), Database::quick());
    assert_eq!(process.get(&database).await.unwrap(), Some(1));
    let _: () = world
        .redis()
        .await
        .hset(KEY, "value", "of a later release")
        .await
        .unwrap();
    assert_eq!(world.process(&[]).get(&database).await.unwrap(), Some(1));
    assert_eq!(database.loads(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_loads_than_allowed_are_refused_and_come_again_later() {
    let world = World::new().await;
    let process = world.process(&[("CACHE_LOADS_MAX", "1"), ("CACHE_LOAD_WAIT_MILLIS", "50"), LONG_LOCK]);
    let database = Database::held();
    let first = async { process.get_tagged("cache:event:a", "", &database).await.unwrap() };
    let second = async {
        eventually("the first loads", SOON, async || (database.loads() == 1).then_some(())).await;
        let refused = process.get_tagged("cache:event:b", "", &database).await.unwrap_err();
        database.ends.add_permits(2);
        refused
    };
    let (value, refused) = tokio::join!(first, second);
    assert_eq!((value, refused.code().as_str()), (Some(1), "SERVICE_UNAVAILABLE"));
    let reply = axum::response::IntoResponse::into_response(refused);
    assert_eq!(reply.headers()["retry-after"], "1");
    assert_eq!(
        process.get_tagged("cache:event:b", "", &database).await.unwrap(),
        Some(1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_the_database_is_asked_and_seldom() {
    let Ok(mut redis) = OwnRedis::start()
        .await
        .inspect_err(test_support::servers::Missing::report)
    else {
        return;
    };
    let process = Process::new(&redis.url(), &[("CACHE_KNOWN_MILLIS", "60000")]);
    let database = Database::quick();
    redis.kill().await;
    let mut gets = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (process, database) = (Arc::clone(&process), database.clone());
        gets.spawn(async move { process.get(&database).await.unwrap() });
    }
    while let Some(value) = gets.join_next().await {
        assert_eq!(value.unwrap(), Some(1));
    }
    assert_eq!(database.loads(), 1, "the others took what the first loaded");
    assert!(process.lists.get().await.is_none());
    redis.restart_empty().await;
    eventually("Redis is used again", SOON, async || process.lists.get().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_is_waited_for_only_once_in_a_while() {
    let Ok(redis) = OwnRedis::start()
        .await
        .inspect_err(test_support::servers::Missing::report)
    else {
        return;
    };
    let process = Process::new(&redis.url(), &[ASKS_EACH_TIME]);
    let database = Database::quick();
    assert_eq!(process.get(&database).await.unwrap(), Some(1));
    redis.freeze();
    let began = tokio::time::Instant::now();
    for _ in 0..100 {
        assert_eq!(process.get(&database).await.unwrap(), Some(1));
    }
    // One by one they would have waited for twenty seconds.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    redis.thaw();
    let before = database.loads();
    eventually("Redis is used again", SOON, async || {
        let loads = database.loads();
        assert_eq!(process.get(&database).await.unwrap(), Some(1));
        (database.loads() == loads).then_some(())
    })
    .await;
    assert!(before >= 2, "while it hung the database was asked");
}
