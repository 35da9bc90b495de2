//! The client on a real cluster of three masters.

use common::redis::{Redis, RedisConfig, connect, is_unavailable};
use futures_util::future::join_all;
use redis::{ErrorKind, RedisResult, Script, ServerErrorKind, cmd, pipe};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};
use test_support::{
    eventually,
    servers::{Missing, OwnRedisCluster},
};

const SOON: Duration = Duration::from_secs(30);
/// What a command to a healthy master may take on a busy machine, and less than one waits for a silent one.
const PROMPT: Duration = Duration::from_millis(1500);

fn client(cluster: &OwnRedisCluster) -> Redis {
    let urls = cluster.urls();
    connect(&RedisConfig::Cluster(urls.split(',').map(str::to_owned).collect())).unwrap()
}

/// A key on each master.
async fn key_on_each(cluster: &OwnRedisCluster) -> Vec<String> {
    let mut keys = vec![String::new(); OwnRedisCluster::MASTERS];
    for number in 0_u32.. {
        let key = format!("key:{{{number}}}");
        let master = cluster.master_of(&key).await;
        keys[master] = key;
        if keys.iter().all(|key| !key.is_empty()) {
            break;
        }
    }
    keys
}

async fn get(redis: &Redis, key: &str) -> RedisResult<Option<String>> {
    cmd("GET").arg(key).query_async(&mut redis.clone()).await
}

async fn set(redis: &Redis, key: &str, value: &str) -> RedisResult<()> {
    cmd("SET").arg(key).arg(value).query_async(&mut redis.clone()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_scripts_and_pipelines_find_their_masters_and_follow_moving_slots() {
    let Ok(cluster) = OwnRedisCluster::start().await.inspect_err(Missing::report) else {
        return;
    };
    let (redis, keys) = (client(&cluster), key_on_each(&cluster).await);
    let connection = &mut redis.clone();

    // Each master lacks the script at first, and loading it at one does not help the others.
    let appending = Script::new("return redis.call('APPEND', KEYS[1], ARGV[1])");
    for key in &keys {
        let length: u8 = appending.key(key).arg("ab").invoke_async(connection).await.unwrap();
        assert_eq!(length, 2);
    }
    // One pipeline, three masters, replies in the order of the questions; one error does not hide the other replies.
    let mut pipeline = pipe();
    for key in [&keys[2], &keys[0], &keys[1], &keys[2]] {
        pipeline.cmd("APPEND").arg(key).arg("c");
    }
    let lengths: Vec<u8> = pipeline.query_async(connection).await.unwrap();
    assert_eq!(lengths, [3, 3, 3, 4]);
    let mut pipeline = pipe();
    pipeline
        .ignore_errors()
        .cmd("INCR")
        .arg(&keys[0])
        .cmd("STRLEN")
        .arg(&keys[1]);
    let replies: Vec<redis::Value> = pipeline.query_async(connection).await.unwrap();
    assert!(
        matches!(replies[..], [redis::Value::ServerError(_), redis::Value::Int(3)]),
        "{replies:?}"
    );
    // What one command or transaction may not do on a cluster is refused, and is a fault of ours, not an outage.
    let crossing = cmd("DEL").arg(&keys).query_async::<()>(connection).await.unwrap_err();
    assert_eq!(crossing.kind(), ErrorKind::Server(ServerErrorKind::CrossSlot));
    let atomic = pipe()
        .atomic()
        .cmd("GET")
        .arg(&keys[0])
        .query_async::<()>(connection)
        .await;
    assert!(
        [crossing, atomic.unwrap_err()]
            .iter()
            .all(|error| !is_unavailable(error))
    );
    assert!(cmd("KEYS").arg("*").query_async::<()>(connection).await.is_err());

    // A slot moves from the second to the first master: asked for while under way, moved when done.
    let key = &keys[1];
    let slot: u16 = cluster.ask(0, cmd("CLUSTER").arg("KEYSLOT").arg(key)).await;
    let (from, to): (String, String) = (
        cluster.ask(1, cmd("CLUSTER").arg("MYID")).await,
        cluster.ask(0, cmd("CLUSTER").arg("MYID")).await,
    );
    let set_slot = |at: usize, state: &'static str, node: String| {
        let cluster = &cluster;
        async move {
            cluster
                .ask::<()>(at, cmd("CLUSTER").arg("SETSLOT").arg(slot).arg(state).arg(node))
                .await;
        }
    };
    set_slot(0, "IMPORTING", from).await;
    set_slot(1, "MIGRATING", to.clone()).await;
    let port = cluster
        .urls()
        .split(',')
        .next()
        .unwrap()
        .rsplit(':')
        .next()
        .unwrap()
        .to_owned();
    cluster
        .ask::<()>(1, cmd("MIGRATE").arg("127.0.0.1").arg(port).arg(key).arg(0).arg(5000))
        .await;
    assert_eq!(get(&redis, key).await.unwrap().as_deref(), Some("abc"), "asked for");
    let values: Vec<Option<String>> = pipe().get(key).get(&keys[2]).query_async(connection).await.unwrap();
    assert_eq!(values, [Some("abc".to_owned()), Some("abcc".to_owned())]);
    for master in [0, 1] {
        set_slot(master, "NODE", to.clone()).await;
    }
    assert_eq!(get(&redis, key).await.unwrap().as_deref(), Some("abc"), "moved");
    set(&redis, key, "written where it is now").await.unwrap();
    assert_eq!(
        cluster.ask::<Option<String>>(0, cmd("GET").arg(key)).await.as_deref(),
        Some("written where it is now")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_hangs_dies_or_comes_back_empty_is_nobody_elses_trouble_and_is_noticed() {
    let Ok(mut cluster) = OwnRedisCluster::start().await.inspect_err(Missing::report) else {
        return;
    };
    let (redis, keys) = (client(&cluster), key_on_each(&cluster).await);
    for key in &keys {
        set(&redis, key, "there").await.unwrap();
    }
    let memory_use = redis.memory_use().await.unwrap();
    let nodes: BTreeSet<_> = memory_use.iter().map(|node| node.node.as_str()).collect();
    assert_eq!(nodes.len(), OwnRedisCluster::MASTERS, "{memory_use:?}");
    assert!(memory_use.iter().all(|node| node.used > 0), "{memory_use:?}");
    let begun = redis.memory("mark").await.unwrap();
    assert_eq!((begun.run_ids.len(), begun.complete, begun.mark()), (3, true, None));
    redis.mark("mark", &begun.processes()).await.unwrap();
    let whole = redis.memory("mark").await.unwrap();
    assert!(whole.mark().is_some_and(|mark| whole.is_of(mark)));

    // It hangs: whoever needs it waits and fails; the others do not wait for that.
    cluster.node(1).freeze();
    let waiting = async { join_all((0..20).map(|_| get(&redis, &keys[1]))).await };
    let others = async {
        let mut took = Vec::new();
        for _ in 0..20 {
            let before = Instant::now();
            for key in [&keys[0], &keys[2]] {
                assert_eq!(get(&redis, key).await.unwrap().as_deref(), Some("there"));
            }
            took.push(before.elapsed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // Most of them: on a busy machine one or another takes long by itself.
        took.sort_unstable();
        assert!(took[took.len() / 2] < PROMPT, "{took:?}");
    };
    let (waited, ()) = tokio::join!(waiting, others);
    assert!(waited.iter().all(|result| result.as_ref().is_err_and(is_unavailable)));
    let mut quickest = Duration::MAX;
    for _ in 0..3 {
        let before = Instant::now();
        redis.memory("mark").await.unwrap();
        quickest = quickest.min(before.elapsed());
    }
    assert!(quickest < PROMPT, "{quickest:?}");
    let memory = redis.memory("mark").await.unwrap();
    assert!(
        !memory.complete && memory.mark().is_some_and(|mark| memory.is_of(mark)),
        "nothing is known to be lost"
    );
    cmd("PING").query_async::<()>(&mut redis.clone()).await.unwrap();
    redis.now().await.unwrap();
    // A copy of several can be written without it.
    redis.mark("other", "text").await.unwrap();
    cluster.node(1).thaw();
    eventually("it answers again", SOON, || async { get(&redis, &keys[1]).await.ok() }).await;

    // It dies, and comes back as it was: another process, so something may be lost.
    cluster.node(1).kill().await;
    let refused = get(&redis, &keys[1]).await.unwrap_err();
    assert!(is_unavailable(&refused), "{refused}");
    assert_eq!(get(&redis, &keys[0]).await.unwrap().as_deref(), Some("there"));
    let memory = redis.memory("mark").await.unwrap();
    assert_eq!((memory.run_ids.len(), memory.complete), (2, false));
    cluster.restart(1).await;
    let memory = eventually("all answer", SOON, || async {
        redis.memory("mark").await.ok().filter(|memory| memory.complete)
    })
    .await;
    assert!(memory.mark().is_some_and(|mark| !memory.is_of(mark)));
    redis.mark("mark", &memory.processes()).await.unwrap();

    // Emptied while it runs: the same process, but its copies are gone.
    cluster.ask::<()>(2, &cmd("FLUSHALL")).await;
    let memory = redis.memory("mark").await.unwrap();
    assert_eq!((memory.complete, memory.mark()), (true, None));
    redis.mark("mark", &memory.processes()).await.unwrap();

    // A replica takes over: another process, found without a restart of ours.
    let replica = cluster.add_replica(0).await;
    cluster.node(0).kill().await;
    let refused = get(&redis, &keys[0]).await.unwrap_err();
    assert!(is_unavailable(&refused), "{refused}");
    cluster.take_over(replica).await;
    let value = eventually("the replica is found", SOON, || async {
        get(&redis, &keys[0]).await.ok()
    })
    .await;
    assert_eq!(value.as_deref(), Some("there"));
    let memory = eventually("all answer", SOON, || async {
        redis.memory("mark").await.ok().filter(|memory| memory.complete)
    })
    .await;
    assert!(memory.mark().is_some_and(|mark| !memory.is_of(mark)));

    // All of them gone is an outage, and its end needs no restart of ours. Nor does a start during one.
    for node in 1..=replica {
        cluster.node(node).kill().await;
    }
    let started_without = client(&cluster);
    for redis in [&redis, &started_without] {
        for command in ["PING", "TIME"] {
            let error = cmd(command).query_async::<()>(&mut redis.clone()).await.unwrap_err();
            assert!(is_unavailable(&error), "{error}");
        }
        assert!(is_unavailable(&get(redis, &keys[0]).await.unwrap_err()));
        assert!(is_unavailable(&redis.memory("mark").await.unwrap_err()));
        assert!(is_unavailable(&redis.mark("mark", "text").await.unwrap_err()));
    }
    for node in 1..=replica {
        cluster.node(node).restart().await;
    }
    for redis in [&redis, &started_without] {
        eventually("it goes on", SOON, || async {
            set(redis, &keys[0], "again").await.ok()
        })
        .await;
        assert_eq!(get(redis, &keys[0]).await.unwrap().as_deref(), Some("again"));
    }
}
