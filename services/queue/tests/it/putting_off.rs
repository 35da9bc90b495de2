//! An administrator moves the beginning of a sale that people wait for already.

use crate::helpers::{SOON, World};
use chrono::TimeDelta;
use common::Clock;
use serde_json::{Value, json};
use test_support::eventually;
use uuid::Uuid;

/// Waits until ticks have looked at the line that know all that was so before.
pub(crate) async fn ticked(world: &World, event: Uuid) {
    let redis = world.redis().await;
    let last = || {
        let mut redis = redis.clone();
        async move {
            let ticked: Option<i64> = redis::cmd("HGET")
                .arg(format!("queue:{{{event}}}:control"))
                .arg("ticked")
                .query_async(&mut redis)
                .await
                .unwrap();
            ticked.unwrap_or_default()
        }
    };
    // One may have been under way.
    for _ in 0..2 {
        let before = last().await;
        eventually("a tick", SOON, || async { (last().await > before).then_some(()) }).await;
    }
}

#[tokio::test]
async fn a_sale_that_is_put_off_admits_nobody_and_keeps_every_place() {
    let world = World::new().await;
    let (event, first, second) = (world.neighbours.event(), world.buyer(), world.buyer());
    let now = Clock::system().now();
    world.set(event, json!({"paused": true})).await;
    first.enter(event).await;
    second.enter(event).await;
    world
        .neighbours
        .change(event, |facts| facts.sale_start_at = now + TimeDelta::minutes(30));
    eventually("the sale is put off", SOON, || async {
        let early = world.buyer();
        let refused = early.try_enter(event).await.body["code"] == "SALE_NOT_OPEN";
        if !refused {
            early.leave().await;
        }
        refused.then_some(())
    })
    .await;
    world.set(event, json!({"paused": false})).await;
    ticked(&world, event).await;
    for (buyer, position) in [(&first, 1), (&second, 2)] {
        let polled = buyer.status().await.expect(200);
        let entered = buyer.enter(event).await;
        for status in [polled, entered] {
            assert_eq!(
                (&status["status"], &status["position"], &status["estimatedWaitSeconds"]),
                (&json!("WAITING"), &json!(position), &Value::Null),
                "{status}"
            );
        }
    }
    let stats = world.stats(event).await;
    assert_eq!(
        (&stats["waiting"], &stats["active"], &stats["lastPlaceEtaSeconds"]),
        (&json!(2), &json!(0), &Value::Null)
    );
    world
        .neighbours
        .change(event, |facts| facts.sale_start_at = now - TimeDelta::minutes(1));
    first.admitted().await;
    second.admitted().await;
}
