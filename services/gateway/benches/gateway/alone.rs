//! The gateway by itself.

use crate::{
    CONNECTIONS,
    load::{Connection, closed_loop, open_loop, slow_heads},
    targets::{Setting, Target},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use test_support::measure::{Bar, Figure, percentile};

const OPEN_CONNECTIONS: usize = 1000;
const SLOW_HEADS: usize = 2000;

/// What came out, with the bars.
pub(crate) async fn measure(
    setting: &Setting,
    requests: &Arc<Vec<Vec<u8>>>,
    turn: Duration,
) -> anyhow::Result<Vec<Figure>> {
    let began = Instant::now();
    let gateway = Target::gateway(setting).await?;
    let start = began.elapsed();
    let address = gateway.address();

    let capacity = closed_loop(address, CONNECTIONS, requests, turn).await?.per_second();
    let half = capacity / 2.0;
    let through = open_loop(address, CONNECTIONS, requests, half, turn).await?;
    let direct = open_loop(setting.upstream_address(), CONNECTIONS, requests, half, turn).await?;
    let added = (percentile(through, 0.5) - percentile(direct, 0.5)) * 1000.0;

    let mut open = Vec::with_capacity(OPEN_CONNECTIONS);
    for request in requests.iter().cycle().take(OPEN_CONNECTIONS) {
        let mut connection = Connection::open(address).await?;
        connection.call(request).await?;
        open.push(connection);
    }
    let memory = gateway.memory();
    drop(open);

    let slow = slow_heads(address, SLOW_HEADS).await?;
    let others = percentile(open_loop(address, CONNECTIONS, requests, half, turn).await?, 0.99);
    drop(slow);

    let start = start.as_secs_f64() * 1000.0;
    let row = |what: &str, figure: f64, unit: &str, bar: f64| Figure::held(what, figure, unit, Bar::AtMost(bar));
    Ok(vec![
        row(
            &format!("added latency at {half:.0} requests/s, median"),
            added,
            "µs",
            150.0,
        ),
        row("memory with 1,000 connections", memory, "MiB", 30.0),
        row("start until ready", start, "ms", 100.0),
        row("p99 of others beside 2,000 slow heads", others, "ms", 100.0),
    ])
}
