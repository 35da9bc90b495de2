//! `cargo xtask bench queue`: the waiting line against one bare EVALSHA per request, and what a line costs Redis as it grows;
//! then ten thousand open streams (`streams`).
#![expect(clippy::expect_used, reason = "a bench that cannot do what it measures shall stop")]

mod bare;
mod client;
mod neighbours;
mod own_redis;
mod size;
mod streams;
mod world;

use std::time::Duration;
use test_support::measure::{Bar, Comparison, Load, compared, percentile};
use world::{Line, Side, World};

const CLIENTS: usize = 50;
/// The line in which people ask, and to which others are compared.
const USUAL: usize = 1_000;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let quick = std::env::args().any(|argument| argument == "--quick");
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let is_wanted = |part: &str| only.as_ref().is_none_or(|only| only == part);
    runtime.block_on(async {
        let world = World::start().await?;
        if is_wanted("requests") {
            requests(&world, quick).await?;
        }
        if is_wanted("size") {
            size::report(&world, quick).await?;
        }
        if is_wanted("streams") {
            streams::report(&world, quick).await?;
        }
        Ok(())
    })
}

/// Throughput, latency and Redis' own time of one kind of request on both sides.
struct Kind {
    throughput: Comparison,
    latency: Comparison,
    redis: Comparison,
}

impl Kind {
    fn new(what: &str, bar: Option<Bar>) -> Self {
        let throughput = Comparison::new(what, "/s");
        Self {
            throughput: bar.into_iter().fold(throughput, Comparison::bar),
            latency: Comparison::new("  median latency", "ms"),
            redis: Comparison::new("  Redis' processor time each", "µs"),
        }
    }

    fn add(&mut self, ours: Timed, peer: Timed) {
        self.throughput.add(ours.load.per_second(), peer.load.per_second());
        self.redis.add(ours.redis_micros(), peer.redis_micros());
        self.latency.add(
            percentile(ours.load.latencies, 0.5),
            percentile(peer.load.latencies, 0.5),
        );
    }
}

/// A load and how long Redis' main thread was busy with it.
struct Timed {
    load: Load,
    redis: Duration,
}

impl Timed {
    async fn of(world: &World, load: impl Future<Output = anyhow::Result<Load>>) -> anyhow::Result<Self> {
        let before = world.observer.busy().await?;
        let load = load.await?;
        let redis = world.observer.busy().await?.saturating_sub(before);
        Ok(Self { load, redis })
    }

    fn redis_micros(&self) -> f64 {
        self.redis.as_secs_f64() * 1e6 / self.load.latencies.len() as f64
    }
}

async fn requests(world: &World, quick: bool) -> anyhow::Result<()> {
    let (rounds, time) = if quick {
        (3, Duration::from_millis(300))
    } else {
        (9, Duration::from_secs(2))
    };
    let mut status = Kind::new("status, from Redis' client", Some(Bar::AtLeast(0.8)));
    let mut enter = Kind::new("enter, from Redis' client", Some(Bar::AtLeast(1.1)));
    let mut status_alone = Kind::new("status, one client", None);
    let mut enter_alone = Kind::new("enter, one client", None);
    let mut http_status = Kind::new("status over HTTP", None);
    let mut http_enter = Kind::new("enter over HTTP", None);
    // The first round warms up and counts for nothing.
    for round in 0..=rounds {
        world.observer.flush().await?;
        let line = world.line(USUAL).await?;
        let (mut kinds, sides) = (Vec::new(), [Side::Ours, Side::Peer]);
        for side in sides {
            kinds.push(one_side(world, side, &line, time).await?);
        }
        let [peer, ours] = [kinds.pop(), kinds.pop()].map(Option::unwrap_or_default);
        if round == 0 {
            continue;
        }
        let all = [
            &mut status,
            &mut enter,
            &mut status_alone,
            &mut enter_alone,
            &mut http_status,
            &mut http_enter,
        ];
        for ((kind, ours), peer) in all.into_iter().zip(ours).zip(peer) {
            kind.add(ours, peer);
        }
    }
    let all = [status, enter, status_alone, enter_alone, http_status, http_enter];
    let rows: Vec<Comparison> = all
        .into_iter()
        .flat_map(|kind| [kind.throughput, kind.latency, kind.redis])
        .collect();
    let title = format!("Against one EVALSHA per request, {CLIENTS} clients");
    compared(&title, rounds, &rows);
    Ok(())
}

/// In the order of the table.
async fn one_side(world: &World, side: Side, line: &Line, time: Duration) -> anyhow::Result<Vec<Timed>> {
    let short = time / 4;
    Ok(vec![
        Timed::of(world, async { Ok(world.status(side, line, CLIENTS, time).await) }).await?,
        Timed::of(world, async { Ok(world.enter(side, CLIENTS, time).await) }).await?,
        Timed::of(world, async { Ok(world.status(side, line, 1, short).await) }).await?,
        Timed::of(world, async { Ok(world.enter(side, 1, short).await) }).await?,
        Timed::of(world, world.http_status(side, line, CLIENTS, time)).await?,
        Timed::of(world, world.http_enter(side, CLIENTS, time)).await?,
    ])
}
