use super::{ASKS_EACH_TIME, Database, KEY, LONG_LOCK, Process, SOON, World};
use crate::cache::Forgetting;
use common::lifecycle::Shutdown;
use redis::AsyncCommands;
use std::sync::Arc;
use test_support::{connect_redis, eventually, servers::OwnRedis};

fn forgetting(process: &Process) -> Arc<Forgetting> {
    Arc::new(Forgetting::new(&process.shared, &process.lists))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_before_a_change_is_never_kept_after_it() {
    let world = World::new().await;
    let settings = [LONG_LOCK, ASKS_EACH_TIME];
    let (slow, other) = (world.process(&settings), world.process(&settings));
    let database = Database::held();
    let loading = async { slow.get(&database).await.unwrap() };
    let changing = async {
        eventually("it has read", SOON, async || (database.loads() == 1).then_some(())).await;
        database.set(2);
        // The change is another process's.
        forgetting(&other).forget(vec![KEY.to_owned()]).await.unwrap();
        let quick = Database::quick();
        quick.set(2);
        assert_eq!(other.get(&quick).await.unwrap(), Some(2));
        database.ends.add_permits(2);
    };
    let (value, ()) = tokio::join!(loading, changing);
    assert_eq!(value, Some(2), "it found out that it had read too early");
    for process in [&slow, &other, &world.process(&settings)] {
        assert_eq!(process.get(&database).await.unwrap(), Some(2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_processes_know_a_change_when_they_ask_again_and_its_own_at_once() {
    let world = World::new().await;
    let (own, other) = (world.process(&[("CACHE_KNOWN_MILLIS", "60000")]), world.process(&[]));
    let database = Database::quick();
    for process in [&own, &other] {
        assert_eq!(process.get(&database).await.unwrap(), Some(1));
    }
    let generation = own.lists.get().await.unwrap();
    assert_eq!(other.lists.get().await.unwrap(), generation);
    database.set(2);
    forgetting(&own).forget(vec![KEY.to_owned()]).await.unwrap();
    own.cache.forget_here(KEY);
    assert_eq!(own.get(&database).await.unwrap(), Some(2));
    let new = own.lists.get().await.unwrap();
    assert_ne!(new, generation);
    eventually("the other knows", SOON, async || {
        let known = (other.get(&database).await.unwrap(), other.lists.get().await.unwrap());
        (known == (Some(2), Arc::clone(&new))).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_redis_lost_of_a_forgetting_is_forgotten_once_more() {
    let world = World::new().await;
    let process = world.process(&[]);
    let (forgetting, shutdown) = (forgetting(&process), Shutdown::new());
    let work = Arc::clone(&forgetting).run(shutdown.clone());
    let test = async {
        forgetting.forget(vec![KEY.to_owned()]).await.unwrap();
        let generation = process.lists.get().await.unwrap();
        // A Redis that crashed within a second has the old object again.
        let _: () = world.redis().await.hset(KEY, "value", "old").await.unwrap();
        eventually("it is gone again", SOON, async || {
            let there: bool = world.redis().await.exists(KEY).await.unwrap();
            (!there && process.lists.get().await.unwrap() != generation).then_some(())
        })
        .await;
        shutdown.cancel();
    };
    tokio::join!(work, test);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_forgotten_while_redis_is_away_is_forgotten_when_it_is_back() {
    let Ok(mut redis) = OwnRedis::start()
        .await
        .inspect_err(test_support::servers::Missing::report)
    else {
        return;
    };
    let process = Process::new(&redis.url(), &[]);
    let (forgetting, shutdown) = (forgetting(&process), Shutdown::new());
    let _: () = redis.connection().await.hset(KEY, "value", "old").await.unwrap();
    redis.kill().await;
    let work = Arc::clone(&forgetting).run(shutdown.clone());
    let test = async {
        assert!(forgetting.forget(vec![KEY.to_owned()]).await.is_err());
        redis.restart().await;
        let url = redis.url();
        eventually("it is gone", SOON, async || {
            let there: bool = connect_redis(&url).await.exists(KEY).await.unwrap();
            (!there).then_some(())
        })
        .await;
        shutdown.cancel();
    };
    tokio::join!(work, test);
}
