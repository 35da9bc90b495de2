use crate::helpers::{SOON, World};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream};
use serde_json::json;
use std::collections::HashMap;
use test_support::{TestEnv, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_replicas_admit_in_the_order_of_entry() {
    const BUYERS: usize = 300;
    let world = World::start(TestEnv::new().await, &[("ADMISSION_PER_SECOND", "60")], 4).await;
    let event = world.neighbours.event();
    world.set(event, json!({"paused": true})).await;
    let mut entered: Vec<(DateTime<Utc>, u64, String)> = stream::iter(0..BUYERS)
        .map(|number| {
            let buyer = world.buyer_at(number % 4);
            async move {
                let status = buyer.enter(event).await;
                let entered_at = status["enteredAt"].as_str().unwrap().parse().unwrap();
                (entered_at, status["position"].as_u64().unwrap(), buyer.id.to_string())
            }
        })
        .buffer_unordered(32)
        .collect()
        .await;
    entered.sort();
    let positions: Vec<u64> = entered.iter().map(|(_, position, _)| *position).collect();
    assert_eq!(positions, (1..=BUYERS as u64).collect::<Vec<_>>());

    world.set(event, json!({"paused": false})).await;
    let order: HashMap<&str, usize> = entered
        .iter()
        .enumerate()
        .map(|(index, (_, _, user))| (user.as_str(), index))
        .collect();
    let mut redis = world.redis().await;
    let line = format!("queue:{{{event}}}");
    // At every moment the line is a tail of the order of entry.
    eventually("everybody is admitted", SOON, || {
        let (mut redis, line, order) = (redis.clone(), line.clone(), &order);
        async move {
            let waiting: Vec<String> = redis::cmd("ZRANGE")
                .arg(line)
                .arg(0)
                .arg(-1)
                .query_async(&mut redis)
                .await
                .unwrap();
            for (offset, user) in waiting.iter().enumerate() {
                assert_eq!(order[user.as_str()], BUYERS - waiting.len() + offset, "overtaken");
            }
            waiting.is_empty().then_some(())
        }
    })
    .await;
    let active: u64 = redis::cmd("ZCARD")
        .arg(format!("{line}:active"))
        .query_async(&mut redis)
        .await
        .unwrap();
    assert_eq!(active, BUYERS as u64);
    assert_eq!(world.stats(event).await["admitted"], BUYERS);
}
