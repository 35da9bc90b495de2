//! Seat holds on a Redis Cluster of three masters.

use crate::helpers::{App, SOON};
use redis::cmd;
use test_support::{
    TestEnv, eventually,
    servers::{Missing, OwnRedisCluster},
};
use uuid::Uuid;

/// Who holds each of the seats in Redis, asked of their master.
async fn holders(cluster: &OwnRedisCluster, app: &App, seats: &[u128]) -> Vec<Option<Uuid>> {
    let mut holders = Vec::new();
    for seat in seats {
        let key = format!("seat:hold:{{{}}}:{}", app.event_id, Uuid::from_u128(*seat));
        let holder: Option<String> = cluster.ask_owner(&key, cmd("GET").arg(&key)).await;
        holders.push(holder.map(|holder| holder.split_once(':').unwrap().1.parse().unwrap()));
    }
    holders
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_are_taken_swapped_released_and_put_back_where_a_master_has_lost_them() {
    let Ok(mut cluster) = OwnRedisCluster::start().await.inspect_err(Missing::report) else {
        return;
    };
    let env = TestEnv::new()
        .await
        .with("HOLD_REBUILD_CHECK_SECONDS", "0.05")
        .on_redis_cluster(&cluster);
    let app = App::start_in(env).await;
    let (first, second) = (app.buyer(), app.buyer());
    let held = first.hold(&[1, 2]).await;
    second.try_hold(&[2, 3]).await.expect_problem(409, "SEAT_UNAVAILABLE");
    let _ = first.swap(held, &[2, 3]).await.expect(200);
    let other = second.hold(&[1, 4]).await;
    let _ = second
        .api
        .delete(&format!("/reservations/hold/{other}"))
        .await
        .expect(204);
    assert_eq!(
        holders(&cluster, &app, &[1, 2, 3, 4]).await,
        [None, Some(held), Some(held), None]
    );

    // The event's master dies, and comes back without anything.
    let lost = cluster.master_of(&format!("seat:holds:{{{}}}", app.event_id)).await;
    cluster.node(lost).kill().await;
    let refused = second.try_hold(&[5]).await;
    assert!(refused.header("retry-after").is_some());
    refused.expect_problem(503, "SERVICE_UNAVAILABLE");
    cluster.restart_empty(lost).await;
    let holds_again = async || {
        eventually("the holds are there again", SOON, async || {
            let holders = holders(&cluster, &app, &[1, 2, 3]).await;
            (holders == [None, Some(held), Some(held)]).then_some(())
        })
        .await;
    };
    holds_again().await;
    // Emptied while it runs, without anybody else's loss.
    cluster.ask::<()>(lost, &cmd("FLUSHALL")).await;
    holds_again().await;
    second.try_hold(&[3]).await.expect_problem(409, "SEAT_UNAVAILABLE");
    let _ = second.hold(&[1]).await;
}
