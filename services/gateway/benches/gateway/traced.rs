//! What traces cost: the gateway with a tenth of all requests recorded and sent to a collector, against itself without.

use crate::targets::{Setting, Target};
use anyhow::{Context, ensure};
use std::{sync::Arc, time::Duration};
use test_support::measure::{Bar, Comparison};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const SHOW_METRICS: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n";

/// Both take turns on the measured core.
pub(crate) async fn measure(
    setting: &Setting,
    requests: &Arc<Vec<Vec<u8>>>,
    (rounds, turn): (usize, Duration),
) -> anyhow::Result<[Comparison; 2]> {
    let plain = Target::gateway(setting).await?;
    let traced = Target::traced_gateway(setting).await?;
    let mut rate = Comparison::new("requests, a tenth recorded", "/s").bar(Bar::AtLeast(0.95));
    let mut cpu = Comparison::new("  CPU per request", "µs").bar(Bar::AtMost(1.05));
    for round in 0..=rounds {
        let (traced_rate, traced_cpu) = traced.measure(requests, turn).await?;
        let (plain_rate, plain_cpu) = plain.measure(requests, turn).await?;
        if round > 0 {
            rate.add(traced_rate, plain_rate);
            cpu.add(traced_cpu, plain_cpu);
        }
    }
    spans_arrived(&traced).await?;
    Ok([rate, cpu])
}

/// A gateway that recorded nothing would have been measured for nothing.
async fn spans_arrived(traced: &Target) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(traced.address()).await?;
    stream.write_all(SHOW_METRICS).await?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await?;
    let text = String::from_utf8_lossy(&reply);
    let count = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
    };
    let exported = count("trace_spans_exported_total").context("no spans were exported")?;
    ensure!(exported > 0, "no spans were exported");
    Ok(())
}
