//! What a line costs Redis: asking in a long one, its memory, and a batch of admissions.

use crate::{
    CLIENTS, Timed, USUAL,
    world::{Side, World},
};
use queue_service::measured;
use std::time::Duration;
use test_support::measure::{Bar, Comparison, Figure, compared, figures, median, percentile};
use uuid::Uuid;

/// As many as one line has room for by default.
const FULL: usize = 50_000;

pub(crate) async fn report(world: &World, quick: bool) -> anyhow::Result<()> {
    long_lines(world, quick).await?;
    let mut rows = memory(world).await?;
    rows.extend(admissions(world, quick).await?);
    figures(&format!("One line of {FULL}"), &rows);
    Ok(())
}

/// A figure, perhaps held to a limit.
pub(crate) fn limit(what: &str, figure: f64, unit: &str, most: Option<f64>) -> Figure {
    match most {
        Some(most) => Figure::held(what, figure, unit, Bar::AtMost(most)),
        None => Figure::new(what, figure, unit),
    }
}

async fn long_lines(world: &World, quick: bool) -> anyhow::Result<()> {
    let (rounds, time, long) = if quick {
        (3, Duration::from_millis(300), 100_000)
    } else {
        (9, Duration::from_secs(1), 500_000)
    };
    world.observer.flush().await?;
    let (long_line, usual) = (world.line(long).await?, world.line(USUAL).await?);
    let mut redis = Comparison::new("status: Redis' processor time", "µs").bar(Bar::AtMost(2.1));
    let mut bare = Comparison::new("  of one user's EVALSHA", "µs");
    let mut latency = Comparison::new("  median latency", "ms");
    for round in 0..=rounds {
        let ours = Timed::of(world, async {
            Ok(world.status(Side::Ours, &long_line, CLIENTS, time).await)
        })
        .await?;
        let peer = Timed::of(world, async {
            Ok(world.status(Side::Ours, &usual, CLIENTS, time).await)
        })
        .await?;
        let bare_long = Timed::of(world, async {
            Ok(world.status(Side::Peer, &long_line, CLIENTS, time).await)
        })
        .await?;
        let bare_usual = Timed::of(world, async {
            Ok(world.status(Side::Peer, &usual, CLIENTS, time).await)
        })
        .await?;
        if round == 0 {
            continue;
        }
        redis.add(ours.redis_micros(), peer.redis_micros());
        bare.add(bare_long.redis_micros(), bare_usual.redis_micros());
        latency.add(
            percentile(ours.load.latencies, 0.5),
            percentile(peer.load.latencies, 0.5),
        );
    }
    let title = format!("A status among {long} (\"ours\") and among {USUAL} (\"peer\"), {CLIENTS} clients");
    compared(&title, rounds, &[redis, bare, latency]);
    Ok(())
}

/// Everybody enters as buyers do, with claims.
async fn memory(world: &World) -> anyhow::Result<Vec<Figure>> {
    let observer = &world.observer;
    observer.flush().await?;
    // What connections need for their buffers is no user's.
    world.enter(Side::Ours, CLIENTS, Duration::from_millis(200)).await;
    observer.flush().await?;
    let (before, event) = (observer.used_memory().await?, Uuid::now_v7());
    let mut users = Vec::new();
    while users.len() < FULL {
        let crowd: Vec<Uuid> = (0..500).map(|_| Uuid::new_v4()).collect();
        let entries = crowd.iter().map(|user| world.lines.enter(*user, event));
        futures_util::future::try_join_all(entries).await?;
        users.extend(crowd);
    }
    let people = users.len() as f64;
    let line = observer.memory_of(&measured::keys(event)).await? as f64 / people;
    let claims: Vec<String> = users.iter().take(100).map(|user| measured::claim_key(*user)).collect();
    let claim = observer.memory_of(&claims).await? as f64 / 100.0;
    let all = observer.used_memory().await?.saturating_sub(before) as f64 / people;
    Ok(vec![
        limit("memory of the line's keys per waiting user", line, "bytes", Some(200.0)),
        limit("the user's claim, a key of its own", claim, "bytes", None),
        limit("all that Redis grew by, per waiting user", all, "bytes", None),
    ])
}

async fn admissions(world: &World, quick: bool) -> anyhow::Result<Vec<Figure>> {
    let observer = &world.observer;
    observer.flush().await?;
    let line = world.line(FULL).await?;
    let (mut times, mut busy) = (Vec::new(), Vec::new());
    for tick in 0..if quick { 10 } else { 60 } {
        // The bucket of one second fills in one.
        tokio::time::sleep(Duration::from_millis(1_050)).await;
        let (scripts, processor) = (observer.scripts().await?, observer.busy().await?);
        let admitted = world.lines.admit(line.event).await?;
        if tick == 0 {
            continue;
        }
        anyhow::ensure!(admitted == 500, "{admitted} were admitted");
        times.push((observer.scripts().await? - scripts).as_secs_f64() * 1e3);
        busy.push((observer.busy().await? - processor).as_secs_f64() * 1e3);
    }
    let longest = times.iter().copied().fold(0.0, f64::max);
    Ok(vec![
        limit("admission of 500: Redis' time, median", median(times), "ms", Some(5.0)),
        limit("  the longest", longest, "ms", None),
        limit("  its processor time, median", median(busy), "ms", None),
    ])
}
