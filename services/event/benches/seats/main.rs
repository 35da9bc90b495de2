//! `cargo xtask bench seats`: cached replies against handlers that answer with bytes they have, the size of a seat map on the
//! wire, and what one sold seat costs in halls of different sizes.

mod load;
mod peer;
mod world;

use bytes::Bytes;
use load::{Connection, load, request};
use peer::Peers;
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use test_support::measure::{Bar, Comparison, Figure, compared, figures, median};
use world::World;

const CONNECTIONS: usize = 50;
/// As long as a credential holds, and some.
const SIGNED_FOR: Duration = Duration::from_secs(20);

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let quick = std::env::args().any(|argument| argument == "--quick");
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let is_wanted = |part: &str| only.as_ref().is_none_or(|only| only == part);
    runtime.block_on(async {
        if is_wanted("reads") {
            reads(quick).await?;
        }
        if is_wanted("wire") {
            wire().await?;
        }
        if is_wanted("change") {
            change(quick).await?;
        }
        Ok(())
    })
}

/// A cached reply and its peers.
struct Kind {
    path: String,
    headers: String,
    peer: &'static str,
    against_bare: Comparison,
    against_layered: Comparison,
    /// Whether time per request is compared, instead of requests per time.
    by_time: bool,
}

impl Kind {
    fn new(what: &str, path: String, peer: &'static str, bar: Bar) -> Self {
        let by_time = matches!(bar, Bar::AtMost(_));
        let unit = if by_time { "µs" } else { "/s" };
        Self {
            path,
            headers: String::new(),
            peer,
            against_bare: Comparison::new(&format!("{what}, bare handler"), unit).bar(bar),
            against_layered: Comparison::new("  the same layers around the handler", unit),
            by_time,
        }
    }

    /// Figures of ours, the bare peer and the one with layers.
    async fn round(&self, world: &World, peers: &Peers, time: Duration) -> anyhow::Result<[f64; 3]> {
        let ours = request(&world.key, &self.path, &self.headers);
        let peer = request(&world.key, self.peer, "");
        // Peer, ours, peer: what the machine does meanwhile weighs on both.
        let bare = self.figure(peers.bare.address(), &peer, time).await?;
        let figure = self.figure(world.service.address(), &ours, time).await?;
        let layered = self.figure(peers.layered.address(), &peer, time).await?;
        Ok([figure, bare, layered])
    }

    async fn figure(&self, address: SocketAddr, request: &Arc<[u8]>, time: Duration) -> anyhow::Result<f64> {
        let load = load(address, CONNECTIONS, request, time.min(SIGNED_FOR)).await?;
        Ok(if self.by_time {
            1e6 / load.per_second()
        } else {
            load.per_second()
        })
    }
}

async fn reads(quick: bool) -> anyhow::Result<()> {
    let (rounds, time) = if quick {
        (3, Duration::from_millis(300))
    } else {
        (9, Duration::from_secs(2))
    };
    let world = World::start(60, 250).await?;
    let concert = world.concert().await?;
    for _ in 1..20 {
        let _another = world.concert().await?;
    }
    // Lists are forgotten once more a while after the last change.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (detail, seats) = (format!("/events/{concert}"), format!("/events/{concert}/seats"));
    let mut connection = Connection::open(world.service.address()).await?;
    let mut body = async |path: &str, headers: &str| -> anyhow::Result<(Bytes, Option<String>)> {
        connection.call(&request(&world.key, path, headers)).await?;
        Ok((Bytes::copy_from_slice(connection.body()), connection.header("etag")))
    };
    let gzip = "accept-encoding: gzip\r\n";
    let (packed, etag) = body(&seats, gzip).await?;
    let replies = [
        ("/list", body("/events", "").await?.0),
        ("/detail", body(&detail, "").await?.0),
        ("/seats", packed),
    ];
    let peers = peer::start(&world.config, &replies).await;

    let mut kinds = vec![
        Kind::new("list of 20", "/events".to_owned(), "/list", Bar::AtLeast(0.8)),
        Kind::new("detail", detail, "/detail", Bar::AtLeast(0.8)),
        Kind::new("seat map, compressed", seats.clone(), "/seats", Bar::AtLeast(0.8)),
        Kind::new("seat map, 304, to hello", seats, "/hello", Bar::AtMost(1.2)),
    ];
    if let [_, _, packed, unchanged] = kinds.as_mut_slice() {
        gzip.clone_into(&mut packed.headers);
        unchanged.headers = format!("if-none-match: {}\r\n", etag.unwrap_or_default());
    }
    // The first round warms up and counts for nothing.
    for round in 0..=rounds {
        for kind in &mut kinds {
            let [ours, bare, layered] = kind.round(&world, &peers, time).await?;
            if round > 0 {
                kind.against_bare.add(ours, bare);
                kind.against_layered.add(ours, layered);
            }
        }
    }
    let rows: Vec<Comparison> = kinds
        .into_iter()
        .flat_map(|kind| [kind.against_bare, kind.against_layered])
        .collect();
    let title = format!("Cached replies, {CONNECTIONS} connections, without a log");
    compared(&title, rounds, &rows);
    Ok(())
}

/// How large a map of 3,000 seats is on its way.
async fn wire() -> anyhow::Result<()> {
    let world = World::start(60, 0).await?;
    let concert = world.concert().await?;
    let path = format!("/events/{concert}/seats");
    let mut connection = Connection::open(world.service.address()).await?;
    let mut rows = Vec::new();
    for sold in [0, 3_000] {
        world.turn(&concert, sold).await?;
        let (_, plain) = connection.call(&request(&world.key, &path, "")).await?;
        let (_, gzip) = connection
            .call(&request(&world.key, &path, "accept-encoding: gzip\r\n"))
            .await?;
        let version = connection.header("etag").unwrap_or_default();
        let version: i64 = version
            .trim_end_matches('"')
            .rsplit('.')
            .next()
            .unwrap_or_default()
            .parse()?;
        world.turn(&concert, 1).await?;
        let since = format!("{path}?since={version}");
        let (_, delta) = connection.call(&request(&world.key, &since, "")).await?;
        let share = if sold == 0 { "nothing" } else { "about 63 %" };
        rows.push(Figure::new(&format!("{share} sold: plain"), plain as f64, "bytes"));
        rows.push(Figure::held(
            "  compressed",
            gzip as f64,
            "bytes",
            Bar::AtMost(20_000.0),
        ));
        rows.push(Figure::new("  one seat's change", delta as f64, "bytes"));
    }
    figures("A seat map of 3,000 seats on the wire", &rows);
    Ok(())
}

/// What it costs to show one more sold seat.
async fn change(quick: bool) -> anyhow::Result<()> {
    let times = if quick { 20 } else { 200 };
    let mut figures_of_halls = Vec::new();
    for rows in [60, 250, 1_000] {
        let world = World::start(rows, 0).await?;
        let concert = world.concert().await?;
        let path = format!("/events/{concert}/seats");
        let mut connection = Connection::open(world.service.address()).await?;
        let map = request(&world.key, &path, "accept-encoding: gzip\r\n");
        connection.call(&map).await?;
        let (mut same, mut changed) = (Vec::new(), Vec::new());
        for _ in 0..times {
            let began = Instant::now();
            connection.call(&map).await?;
            same.push(began.elapsed().as_secs_f64() * 1e6);
            world.turn(&concert, 1).await?;
            let began = Instant::now();
            connection.call(&map).await?;
            changed.push(began.elapsed().as_secs_f64() * 1e6);
        }
        let (same, changed) = (median(same), median(changed));
        let figure = format!("{:.0} µs ({changed:.0}, with nothing new {same:.0})", changed - same);
        figures_of_halls.push(Figure::text(&format!("in a hall of {}", rows * 50), figure));
    }
    figures(
        "One seat's change, by the time of the reply that first shows it",
        &figures_of_halls,
    );
    Ok(())
}
