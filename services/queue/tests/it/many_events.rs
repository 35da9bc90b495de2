use crate::helpers::{SOON, World};
use crate::samples::{Allowed, Watch, look};
use futures_util::{
    StreamExt,
    future::{join, join_all},
    stream,
};
use serde_json::json;
use std::time::Duration;
use test_support::{Api, TestEnv, eventually};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_lines_move_at_their_own_rates_and_none_holds_up_another() {
    const BUYERS: u32 = 40;
    let settings = [
        ("ADMISSION_BURST_SECONDS", "0.5"),
        ("AVAILABILITY_UNKNOWN_SECONDS", "0.2"),
    ];
    let world = World::start(TestEnv::new().await, &settings, 2).await;
    let events: Vec<(Uuid, u32)> = (1..=10).map(|number| (world.neighbours.event(), 10 * number)).collect();
    for (event, rate) in &events {
        world
            .set(*event, json!({"paused": true, "admissionPerSecond": rate}))
            .await;
    }
    // The first stays paused, of the second nobody knows the seats, the third has three places. So it is from the beginning:
    // no replica can have heard anything else.
    world.neighbours.change(events[1].0, |facts| facts.unsold = None);
    world.set(events[2].0, json!({"maxActive": 3})).await;
    let doors: Vec<Api> = world
        .replicas
        .iter()
        .map(|replica| Api::as_gateway(&replica.url()))
        .collect();
    let entries = events
        .iter()
        .flat_map(|(event, _)| (0..BUYERS).map(|number| (*event, number as usize)));
    stream::iter(entries)
        .for_each_concurrent(50, |(event, number)| {
            let buyer = doors[number % doors.len()].as_user(Uuid::now_v7());
            async move {
                let _waiting = buyer.post("/queue/enter", &json!({"eventId": event})).await.expect(200);
            }
        })
        .await;

    for (event, _) in &events[1..] {
        world.set(*event, json!({"paused": false})).await;
    }
    let redis = world.redis().await;
    let lines = events.iter().map(|(event, rate)| {
        let (event, rate, mut redis) = (*event, *rate, redis.clone());
        async move {
            let mut watch = Watch::new();
            let allowed = Allowed {
                rate: f64::from(rate),
                burst: f64::from(rate) * 0.5,
                cap: if rate == 30 { 3 } else { 1000 },
            };
            let (began, least) = (tokio::time::Instant::now(), if rate == 30 { 3 } else { 0 });
            // The slowest of those that move needs two seconds.
            while began.elapsed() < Duration::from_secs(3) || began.elapsed() < SOON && watch.last().admitted < least {
                watch.see(look(&mut redis, event).await, allowed);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            watch.last().admitted
        }
    });
    let drained = eventually("the free lines are empty", SOON, || async {
        let stats = join_all(events[3..].iter().map(|(event, _)| world.stats(*event))).await;
        stats.iter().all(|stats| stats["admitted"] == BUYERS).then_some(())
    });
    let (admitted, ()) = join(join_all(lines), drained).await;
    assert_eq!(
        admitted[..3],
        [0, 0, 3],
        "paused, without known seats, and with three places"
    );
}
