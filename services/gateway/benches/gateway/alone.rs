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
use test_support::measure::percentile;

const OPEN_CONNECTIONS: usize = 1000;
const SLOW_HEADS: usize = 2000;

/// What came out, with the bars, as a table in Markdown.
pub(crate) async fn measure(setting: &Setting, requests: &Arc<Vec<Vec<u8>>>, turn: Duration) -> anyhow::Result<String> {
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

    let row = |what: &str, figure: f64, bar: f64, unit: &str| {
        let verdict = if figure <= bar { "met" } else { "MISSED" };
        format!("| {what} | {figure:.1} {unit} | ≤ {bar} | {verdict} |")
    };
    Ok([
        "### gateway: by itself".to_owned(),
        String::new(),
        "| what | figure | bar | |".to_owned(),
        "|---|---|---|---|".to_owned(),
        row(
            &format!("added latency at {half:.0} requests/s, median"),
            added,
            150.0,
            "µs",
        ),
        row("memory with 1,000 connections", memory, 30.0, "MiB"),
        row("start until ready", start.as_secs_f64() * 1000.0, 100.0, "ms"),
        row("p99 of others beside 2,000 slow heads", others, 100.0, "ms"),
    ]
    .join("\n"))
}
