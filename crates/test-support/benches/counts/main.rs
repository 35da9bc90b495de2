//! `cargo xtask bench counts`: what one request costs each program, in things that a busy machine changes little: system calls and calls of the allocator least, instructions most.
//!
//! | figure | how it is counted |
//! |---|---|
//! | instructions, calls of the allocator | by valgrind's callgrind, between two moments of the running program |
//! | system calls, changes of thread | by `perf stat`, without valgrind |
//!
//! What the program does without requests in as long a time is taken off. The processor hashes in hardware, which valgrind
//! does not know, so instructions are shown with and without SHA-256.

mod cases;
mod load;
mod process;
mod tools;
mod world;

use cases::Case;
use load::calls;
use process::Program;
use test_support::measure::{Figure, figures};
use tools::{Counted, Events};
use world::World;

/// So many requests come before any are counted, one for each buyer and more.
const WARM_UP: usize = 200;
/// As many connections as there are buyers at once under load.
const CROWD: usize = 32;

/// What one request of a kind costs.
struct Row {
    what: &'static str,
    counted: Counted,
    alone: Events,
    crowd: Events,
}

fn main() -> anyhow::Result<()> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    common::lifecycle::install_tls_provider();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let world = World::start().await?;
        let requests = if quick { 200 } else { 500 };
        for program in world.programs()? {
            if only.as_ref().is_none_or(|only| program.name.contains(only.as_str())) {
                count(&program, requests).await?.iter().for_each(tell);
            }
        }
        Ok(())
    })
}

async fn count(program: &Program, requests: usize) -> anyhow::Result<Vec<Row>> {
    let mut events = Vec::new();
    let plain = program.start(&[]).await?;
    for case in &program.cases {
        warm_up(&plain, case).await?;
        let alone = tools::events(&plain, async || calls(plain.address, 1, requests, case).await, requests).await?;
        let crowd = tools::events(
            &plain,
            async || calls(plain.address, CROWD, requests * 4, case).await,
            requests * 4,
        )
        .await?;
        events.push((alone, crowd));
    }
    drop(plain);
    let folder = std::env::temp_dir().join(format!("ticket-queue-counts-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let mut rows = Vec::new();
    let valgrind = program.start(&tools::callgrind(&folder)).await?;
    for (case, (alone, crowd)) in program.cases.iter().zip(events) {
        warm_up(&valgrind, case).await?;
        let counted = tools::counted(
            &valgrind,
            &folder,
            async || calls(valgrind.address, 1, requests, case).await,
            requests,
        )
        .await?;
        let what = case.what;
        rows.push(Row {
            what,
            counted,
            alone,
            crowd,
        });
    }
    drop(valgrind);
    std::fs::remove_dir_all(&folder)?;
    Ok(rows)
}

async fn warm_up(running: &process::Started, case: &Case) -> anyhow::Result<()> {
    if let Some(before) = &case.before {
        calls(running.address, 1, cases::BUYERS, before).await?;
    }
    calls(running.address, 1, WARM_UP, case).await
}

fn tell(row: &Row) {
    let Row {
        what,
        counted,
        alone,
        crowd,
    } = row;
    let both = |alone: f64, crowd: f64| format!("{alone:.1}, {crowd:.1}");
    let rows = [
        Figure::text("instructions", format!("{:.0}", counted.instructions)),
        Figure::text(
            "those outside of SHA-256",
            format!("{:.0}", counted.instructions - counted.hashing),
        ),
        Figure::text("calls of the allocator", format!("{:.1}", counted.allocations)),
        Figure::text(
            &format!("system calls with one client, with {CROWD}"),
            both(alone.system_calls, crowd.system_calls),
        ),
        Figure::text(
            &format!("changes of thread with one client, with {CROWD}"),
            both(alone.switches, crowd.switches),
        ),
    ];
    figures(what, &rows);
}
