//! `cargo xtask bench outbox`: how long after its commit a message reaches its consumer. First against an outbox that is
//! polled every second, then with a million published rows in the table against an empty one.

mod poller;
mod world;

use poller::Poller;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use test_support::measure::{Bar, Comparison, compared, open_loop, percentile};
use world::World;

fn main() -> anyhow::Result<()> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        against_a_poller(if quick { 2 } else { 5 }).await?;
        if quick {
            among_published_rows(3, 100_000).await
        } else {
            among_published_rows(7, 1_000_000).await
        }
    })
}

/// Both worlds exist throughout, and take turns.
async fn against_a_poller(rounds: usize) -> anyhow::Result<()> {
    let ours = World::new().await?.with_relay()?;
    let peer = World::new().await?;
    let poller = Poller {
        pool: peer.producer.clone(),
        producer: peer.config.kafka.producer(Duration::from_secs(30))?,
        kafka: peer.config.kafka.clone(),
    };
    let peer = peer.sending(poller.run());
    let pace = Duration::from_millis(10);
    let mut median = Comparison::new("commit → consumer, median", "ms").bar(Bar::AtMost(0.01));
    let mut tail = Comparison::new("commit → consumer, 99th percentile", "ms").bar(Bar::AtMost(0.02));
    // The first round warms up and counts for nothing.
    for round in 0..=rounds {
        let relayed = ours.latencies(500, pace).await;
        let polled = peer.latencies(500, pace).await;
        if round > 0 {
            median.add(percentile(relayed.clone(), 0.5), percentile(polled.clone(), 0.5));
            tail.add(percentile(relayed, 0.99), percentile(polled, 0.99));
        }
    }
    let title = "Outbox against one polled every second, 100 messages/s";
    compared(title, rounds, &[median, tail]);
    ours.stop().await;
    peer.stop().await;
    Ok(())
}

/// Message by message in turns, so that whatever the machine does meanwhile happens to both.
async fn among_published_rows(rounds: usize, rows: i64) -> anyhow::Result<()> {
    let full = World::new().await?;
    full.fill(rows).await?;
    let (full, empty) = (full.with_relay()?, World::new().await?.with_relay()?);
    let mut median = Comparison::new("commit → consumer, median", "ms");
    let mut tail = Comparison::new("commit → consumer, 99th percentile", "ms").bar(Bar::AtMost(1.2));
    let (in_full, in_empty) = (
        Arc::new(Mutex::new(HashMap::new())),
        Arc::new(Mutex::new(HashMap::new())),
    );
    for round in 0..=rounds {
        open_loop(1200, Duration::from_millis(5), |number| {
            if number % 2 == 0 {
                full.send(Arc::clone(&in_full))
            } else {
                empty.send(Arc::clone(&in_empty))
            }
        })
        .await;
        let (full, empty) = (full.settle(&in_full).await, empty.settle(&in_empty).await);
        if round > 0 {
            median.add(percentile(full.clone(), 0.5), percentile(empty.clone(), 0.5));
            tail.add(percentile(full, 0.99), percentile(empty, 0.99));
        }
    }
    let title = format!("Outbox with {rows} published rows (ours) against an empty one (peer), 100 messages/s each");
    compared(&title, rounds, &[median, tail]);
    full.stop().await;
    empty.stop().await;
    Ok(())
}
