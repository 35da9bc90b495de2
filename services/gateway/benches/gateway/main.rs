//! `cargo xtask bench gateway`: the gateway as production runs it against other gateways, which take turns on one core; and
//! alone, its added latency, memory, start, and what slow clients do to the others.
#![expect(clippy::print_stdout, reason = "it reports to people")]

mod alone;
mod checker;
mod collector;
mod load;
mod process;
mod targets;
mod traced;
mod upstream;

use std::{sync::Arc, time::Duration};
use targets::{Setting, Target};
use test_support::measure::{Bar, Comparison, Figure, compared, figures};

const CONNECTIONS: usize = 64;
/// A JVM compiles what runs often; before that its figures mean nothing.
const WARM_UP: Duration = Duration::from_secs(60);

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["upstream", port] => Ok(runtime.block_on(upstream::serve(port.parse()?))?),
        ["collector", port] => Ok(runtime.block_on(collector::serve(port.parse()?))?),
        ["checker", port, redis] => runtime.block_on(checker::serve(port.parse()?, redis.parse()?)),
        _ => runtime.block_on(compare(arguments.iter().any(|argument| argument == "--quick"))),
    }
}

/// A peer, and what our throughput shall be of its.
struct Peer {
    target: Target,
    rate: Comparison,
    cpu: Comparison,
}

impl Peer {
    fn new(target: Target, bar: f64) -> Self {
        Self {
            rate: Comparison::new(&format!("requests, against {}", target.name), "/s").bar(Bar::AtLeast(bar)),
            cpu: Comparison::new("  CPU per request", "µs").bar(Bar::AtMost((100.0 / bar).round() / 100.0)),
            target,
        }
    }
}

async fn compare(quick: bool) -> anyhow::Result<()> {
    let (rounds, turn, warm_up) = if quick {
        (3, Duration::from_millis(800), Duration::from_secs(5))
    } else {
        (9, Duration::from_secs(3), WARM_UP)
    };
    process::make_room()?;
    let setting = Setting::start().await?;
    let requests = Arc::new(setting.requests()?);
    let ours = Target::gateway(&setting).await?;
    let candidates = [
        (Target::nginx(&setting).await, 0.85),
        (Target::nginx_with_checker(&setting).await, 2.0),
        (Target::envoy(&setting).await, 4.0),
        (Target::spring(&setting).await, 10.0),
    ];
    let (mut peers, mut missing) = (Vec::new(), Vec::new());
    for (candidate, bar) in candidates {
        match candidate {
            Ok(target) => peers.push(Peer::new(target, bar)),
            Err(reason) => {
                println!("NOT MEASURED: a peer with the bar {bar} is missing: {reason:#}");
                missing.push(Figure::text(
                    &format!("a peer with the bar {bar}"),
                    "not measured: the peer is missing",
                ));
            }
        }
    }
    if let Some(spring) = peers.iter().find(|peer| peer.target.needs_warm_up) {
        spring.target.measure(&requests, warm_up).await?;
    }
    for round in 0..=rounds {
        for peer in &mut peers {
            let (our_rate, our_cpu) = ours.measure(&requests, turn).await?;
            let (its_rate, its_cpu) = peer.target.measure(&requests, turn).await?;
            // The first round warms up and counts for nothing.
            if round > 0 {
                peer.rate.add(our_rate, its_rate);
                peer.cpu.add(our_cpu, its_cpu);
            }
        }
    }
    let comparisons: Vec<_> = peers.into_iter().flat_map(|peer| [peer.rate, peer.cpu]).collect();
    compared("Full work, one core", rounds, &comparisons);
    if !missing.is_empty() {
        figures("Not measured", &missing);
    }
    drop(ours);
    let traced = traced::measure(&setting, &requests, (rounds, turn)).await?;
    compared("Traces, against none", rounds, &traced);
    figures("By itself", &alone::measure(&setting, &requests, turn).await?);
    Ok(())
}
