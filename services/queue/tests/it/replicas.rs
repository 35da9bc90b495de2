use crate::helpers::{SOON, World};
use crate::samples::look;
use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream};
use serde_json::json;
use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};
use test_support::{Api, TestEnv, eventually};
use tokio::time::Instant;
use uuid::Uuid;

/// How one buyer came.
struct Entry {
    /// The score.
    entered_at: DateTime<Utc>,
    position: u64,
    asked: Instant,
    answered: Instant,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_who_come_at_once_are_admitted_by_four_replicas_in_the_order_of_entry() {
    const BUYERS: usize = 10_000;
    const AT_ONCE: usize = 500;
    // Small steps, so that there are many grants of which one is before the other.
    // However long it takes, nobody is silent for too long and no grant ends.
    let settings = [
        ("ADMISSION_PER_SECOND", "4000"),
        ("ADMISSION_BURST_SECONDS", "0.05"),
        ("QUEUE_GRACE_SECONDS", "900"),
        ("ADMISSION_CLAIM_SECONDS", "600"),
    ];
    let world = World::start(TestEnv::new().await, &settings, 4).await;
    let event = world.neighbours.event();
    world
        .neighbours
        .change(event, |facts| facts.unsold = u32::try_from(2 * BUYERS).ok());
    world.set(event, json!({"paused": true})).await;
    let doors: Vec<Api> = world
        .replicas
        .iter()
        .map(|replica| Api::as_gateway(&replica.url()))
        .collect();
    let mut entries: Vec<Entry> = stream::iter(0..BUYERS)
        .map(|number| {
            let buyer = doors[number % doors.len()].as_user(Uuid::now_v7());
            async move {
                let asked = Instant::now();
                let status = buyer.post("/queue/enter", &json!({"eventId": event})).await.expect(200);
                Entry {
                    entered_at: status["enteredAt"].as_str().unwrap().parse().unwrap(),
                    position: status["position"].as_u64().unwrap(),
                    asked,
                    answered: Instant::now(),
                }
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    entries.sort_by_key(|entry| entry.entered_at);
    let positions = entries.iter().map(|entry| entry.position);
    assert!(
        positions.eq(1..=BUYERS as u64),
        "the place told at entry is the place in the order"
    );
    // Whoever was answered before another one asked is in front of that one.
    let mut first_answer_behind = None;
    for entry in entries.iter().rev() {
        assert!(
            first_answer_behind.is_none_or(|answer| entry.asked < answer),
            "entered later, stands in front"
        );
        first_answer_behind = Some(first_answer_behind.map_or(entry.answered, |answer| entry.answered.min(answer)));
    }
    let scores: Vec<i64> = entries
        .iter()
        .map(|entry| entry.entered_at.timestamp_micros())
        .collect();

    world.set(event, json!({"paused": false})).await;
    let redis = world.redis().await;
    let admitted = eventually("everybody is admitted", 4 * SOON, || {
        let (mut redis, scores) = (redis.clone(), &scores);
        async move {
            let sample = look(&mut redis, event).await;
            // At every moment the line is a tail of the order of entry.
            let waiting = sample.line.iter().map(|(_, score)| score);
            assert!(waiting.eq(&scores[BUYERS - sample.line.len()..]), "overtaken");
            tokio::time::sleep(Duration::from_millis(20)).await;
            sample.line.is_empty().then_some(sample)
        }
    })
    .await;
    // Nobody has claimed, so each grant still ends ten minutes after the tick that made it: this is the order of the grants.
    let mut steps: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (score, ends) in admitted.grants.values() {
        steps.entry(*ends).or_default().push(*score);
    }
    assert!(steps.len() > 20, "{} steps", steps.len());
    let in_order = steps.into_values().flat_map(|mut step| {
        step.sort_unstable();
        step
    });
    assert!(
        in_order.eq(scores.iter().copied()),
        "the order of admission is the order of entry"
    );
    assert_eq!(scores.iter().collect::<HashSet<_>>().len(), BUYERS);
    assert_eq!(world.stats(event).await["admitted"], BUYERS);
}
