//! Leases change hands when a relay ends, however it ends.

use std::time::Duration;

use common::lifecycle::Shutdown;
use test_support::eventually;
use uuid::Uuid;

use crate::bench::{Bench, Running, SOON};

async fn leases(bench: &Bench) -> i64 {
    sqlx::query_scalar("select count(*) from common.outbox_leases where expires_at > clock_timestamp()")
        .fetch_one(&bench.admin)
        .await
        .unwrap()
}

#[tokio::test]
async fn another_relay_takes_over_when_a_dead_ones_leases_end() {
    let mut bench = Bench::new().await;
    bench.config.relay.lease = Duration::from_secs(1);
    let shutdown = Shutdown::new();
    let dying = Running::start(bench.relay().run(shutdown.clone()));
    eventually("all leases", SOON, async || (leases(&bench).await == 16).then_some(())).await;
    drop(dying);

    let relay = bench.relay();
    let outbox = relay.outbox();
    let _relay = Running::start(relay.run(shutdown.clone()));
    bench.pay(&outbox, Uuid::now_v7(), "").await;
    bench.wait_until_all_is_published().await;
}

#[tokio::test]
async fn a_relay_that_stops_sends_what_is_there_and_gives_its_leases_back() {
    let mut bench = Bench::new().await;
    bench.config.relay.lease = Duration::from_secs(60);
    let shutdown = Shutdown::new();
    let relay = bench.relay();
    let outbox = relay.outbox();
    let running = Running::start(relay.run(shutdown.clone()));
    eventually("all leases", SOON, async || (leases(&bench).await == 16).then_some(())).await;
    for _ in 0..20 {
        bench.pay(&outbox, Uuid::now_v7(), "").await;
    }
    shutdown.cancel();
    running.end().await;
    assert_eq!(bench.unpublished().await, 0);
    assert_eq!(leases(&bench).await, 0);
}

#[tokio::test]
async fn a_row_whose_commit_woke_nobody_is_found_by_polling() {
    let bench = Bench::new().await;
    let _relay = Running::start(bench.relay().run(Shutdown::new()));
    eventually("all leases", SOON, async || (leases(&bench).await == 16).then_some(())).await;
    bench.pay(&outbox::Outbox::default(), Uuid::now_v7(), "").await;
    bench.wait_until_all_is_published().await;
}

#[tokio::test]
async fn a_row_committed_beside_another_replicas_relay_leaves_at_once() {
    let mut bench = Bench::new().await;
    bench.config.relay.poll_interval = 10 * SOON;
    let shutdown = Shutdown::new();
    let _sending = Running::start(bench.relay().run(shutdown.clone()));
    eventually("all leases", SOON, async || (leases(&bench).await == 16).then_some(())).await;
    let idle = bench.relay();
    let outbox = idle.outbox();
    let _idle = Running::start(idle.run(shutdown.clone()));
    // Both listen once they have connected.
    eventually("both to listen", SOON, async || {
        let listening: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity where datname = current_database() and query ilike 'listen %'",
        )
        .fetch_one(&bench.admin)
        .await
        .unwrap();
        (listening == 2).then_some(())
    })
    .await;
    bench.pay(&outbox, Uuid::now_v7(), "").await;
    bench.wait_until_all_is_published().await;

    // Nobody would look by himself before the test has lost its patience.
    bench.pay(&outbox, Uuid::now_v7(), "").await;
    bench.wait_until_all_is_published().await;
}
