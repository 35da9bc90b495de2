use super::{ASKS_EACH_TIME, Database, FAILS, KEY, LONG_LOCK, MISSING, SOON, World};
use redis::AsyncCommands;
use std::sync::Arc;
use test_support::eventually;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_requests_for_a_cold_object_over_two_processes_are_one_load() {
    let world = World::new().await;
    let database = Database::held();
    let processes = [world.process(&[LONG_LOCK]), world.process(&[LONG_LOCK])];
    let mut requests = JoinSet::new();
    for number in 0..500 {
        let (process, database) = (Arc::clone(&processes[number % 2]), database.clone());
        requests.spawn(async move { process.get(&database).await.unwrap() });
    }
    eventually("somebody loads", SOON, async || (database.loads() == 1).then_some(())).await;
    assert!(requests.try_join_next().is_none(), "nobody can have it yet");
    // A second load would end as well.
    database.ends.add_permits(100);
    while let Some(value) = requests.join_next().await {
        assert_eq!(value.unwrap(), Some(1));
    }
    assert_eq!(database.loads(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_redis_has_a_new_process_does_not_load() {
    let world = World::new().await;
    let database = Database::quick();
    assert_eq!(world.process(&[]).get(&database).await.unwrap(), Some(1));
    assert_eq!(world.process(&[]).get(&database).await.unwrap(), Some(1));
    assert_eq!(database.loads(), 1);
    // It was made for another tag.
    assert_eq!(
        world.process(&[]).get_tagged(KEY, "2", &database).await.unwrap(),
        Some(1)
    );
    assert_eq!(database.loads(), 2);
    let ttl: i64 = world.redis().await.ttl(KEY).await.unwrap();
    assert!((1..=300).contains(&ttl), "{ttl}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_loader_hangs_up_the_next_request_of_its_process_loads_at_once() {
    let world = World::new().await;
    let (process, database) = (world.process(&[LONG_LOCK]), Database::held());
    let mut dropped = Box::pin(process.get(&database));
    tokio::select! {
        _ = &mut dropped => panic!("it cannot end"),
        () = eventually("it loads", SOON, async || (database.loads() == 1).then_some(())) => {}
    }
    drop(dropped);
    database.ends.add_permits(1);
    assert_eq!(process.get(&database).await.unwrap(), Some(1));
    assert_eq!(database.loads(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_loaders_process_dies_another_loads_once_its_lock_has_ended() {
    let world = World::new().await;
    let database = Database::held();
    let short = ("CACHE_LOCK_MILLIS", "400");
    let dead = world.process(&[short]);
    {
        let mut dying = Box::pin(dead.get(&database));
        tokio::select! {
            _ = &mut dying => panic!("it cannot end"),
            () = eventually("it loads", SOON, async || (database.loads() == 1).then_some(())) => {}
        }
    }
    database.ends.add_permits(100);
    let (one, two) = (world.process(&[LONG_LOCK]), world.process(&[LONG_LOCK]));
    let (first, second) = tokio::join!(one.get(&database), two.get(&database));
    assert_eq!((first.unwrap(), second.unwrap()), (Some(1), Some(1)));
    assert_eq!(database.loads(), 2, "the two are one load");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_soon_over_is_loaded_by_one_while_the_others_take_the_old_one() {
    let world = World::new().await;
    let settings = [LONG_LOCK, ASKS_EACH_TIME];
    let (one, two) = (world.process(&settings), world.process(&settings));
    let database = Database::quick();
    assert_eq!(one.get(&database).await.unwrap(), Some(1));

    let slow = Database::held();
    slow.set(2);
    world.make_due(KEY).await;
    let mut refreshing = JoinSet::new();
    let (loader, database_of_loader) = (Arc::clone(&one), slow.clone());
    refreshing.spawn(async move { loader.get(&database_of_loader).await.unwrap() });
    eventually("it is loaded early", SOON, async || (slow.loads() == 1).then_some(())).await;
    for process in [&one, &two, &one, &two] {
        assert_eq!(process.get(&slow).await.unwrap(), Some(1));
    }
    slow.let_one_end();
    assert_eq!(refreshing.join_next().await.unwrap().unwrap(), Some(2));
    for process in [&one, &two] {
        assert_eq!(process.get(&slow).await.unwrap(), Some(2));
    }
    assert_eq!((database.loads(), slow.loads()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_load_that_fails_leaves_the_old_object() {
    let world = World::new().await;
    let (process, database) = (world.process(&[ASKS_EACH_TIME]), Database::quick());
    assert_eq!(process.get(&database).await.unwrap(), Some(1));
    database.set(FAILS);
    world.make_due(KEY).await;
    assert_eq!(process.get(&database).await.unwrap(), Some(1));
    assert_eq!(database.loads(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_wait_for_a_load_that_fails_fail_with_it_instead_of_trying_one_by_one() {
    let world = World::new().await;
    let (process, database) = (world.process(&[]), Database::held());
    database.set(FAILS);
    let mut requests = JoinSet::new();
    for _ in 0..50 {
        let (process, database) = (Arc::clone(&process), database.clone());
        requests.spawn(async move { process.get(&database).await });
    }
    eventually("it loads", SOON, async || (database.loads() == 1).then_some(())).await;
    // All of them have begun to wait when others of this runtime have been served many times over.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    database.ends.add_permits(100);
    let mut failed = 0;
    while let Some(result) = requests.join_next().await {
        failed += usize::from(result.unwrap().is_err());
    }
    assert_eq!(failed, 50);
    assert!(database.loads() <= 5, "{} loads", database.loads());
    database.set(3);
    assert_eq!(
        process.get(&database).await.unwrap(),
        Some(3),
        "the lock was given back"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_of_what_does_not_exist() {
    let world = World::new().await;
    let (process, database) = (world.process(&[LONG_LOCK]), Database::quick());
    database.set(MISSING);
    assert_eq!(process.get(&database).await.unwrap(), None);
    assert!(!world.redis().await.exists::<_, bool>(KEY).await.unwrap());
    database.set(1);
    assert_eq!(process.get(&database).await.unwrap(), Some(1));
}
