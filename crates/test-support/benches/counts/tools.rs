//! callgrind and perf, asked about a running program between two moments.

use crate::process::Started;
use anyhow::{Context, ensure};
use std::{
    collections::HashMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// How long a program is watched while nobody asks it anything.
const IDLE: Duration = Duration::from_secs(2);
/// How long perf takes to begin; it says nothing then.
const PERF_START: Duration = Duration::from_secs(1);
/// How long a tool has to write what it counted.
const PATIENCE: Duration = Duration::from_secs(60);

/// What callgrind counted, per request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) instructions: f64,
    /// Those of them in SHA-256.
    pub(crate) hashing: f64,
    /// Calls of `malloc`, `calloc`, `realloc` and their like.
    pub(crate) allocations: f64,
}

/// What perf counted, per request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Events {
    pub(crate) system_calls: f64,
    pub(crate) switches: f64,
}

/// The words with which a program starts under callgrind.
pub(crate) fn callgrind(folder: &Path) -> Vec<String> {
    vec![
        "valgrind".to_owned(),
        "--tool=callgrind".to_owned(),
        "--quiet".to_owned(),
        format!("--callgrind-out-file={}", folder.join("out").display()),
    ]
}

/// Runs the load under callgrind and counts for each of its requests.
pub(crate) async fn counted(
    running: &Started,
    folder: &Path,
    load: impl AsyncFn() -> anyhow::Result<()>,
    requests: usize,
) -> anyhow::Result<Counted> {
    let pause = async || {
        tokio::time::sleep(IDLE).await;
        Ok(())
    };
    let (idle, idle_time) = window(running, folder, pause).await?;
    let (busy, busy_time) = window(running, folder, load).await?;
    let share = busy_time.as_secs_f64() / idle_time.as_secs_f64();
    let each = |busy: f64, idle: f64| (busy - idle * share) / requests as f64;
    Ok(Counted {
        instructions: each(busy.instructions, idle.instructions),
        hashing: each(busy.hashing, idle.hashing),
        allocations: each(busy.allocations, idle.allocations),
    })
}

/// What the program did while something happened.
async fn window(
    running: &Started,
    folder: &Path,
    happening: impl AsyncFn() -> anyhow::Result<()>,
) -> anyhow::Result<(Counted, Duration)> {
    let control = |what: &str| {
        let mut command = Command::new("callgrind_control");
        command.args([what, &running.id().to_string()]);
        // Part of the name of valgrind's pipe, which took it from the program's settings.
        command.env("HOST", &running.host);
        let output = command.output().context("callgrind_control does not start")?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success() && !said.contains("rror") && !said.is_empty(),
            "callgrind_control {what}: {said}"
        );
        anyhow::Ok(())
    };
    control("--zero")?;
    let began = Instant::now();
    happening().await?;
    let took = began.elapsed();
    control("--dump")?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        // The moment's file is complete when its totals are there.
        for file in fs::read_dir(folder)? {
            let file = file?.path();
            let text = fs::read_to_string(&file)?;
            if text.lines().next_back().is_some_and(|last| last.starts_with("totals:")) {
                fs::remove_file(&file)?;
                return Ok((read(&text), took));
            }
        }
        ensure!(Instant::now() < deadline, "callgrind wrote nothing");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Adds up one of callgrind's files (its manual, "Callgrind Format Specification").
fn read(text: &str) -> Counted {
    let mut names = HashMap::new();
    let mut name = |value| {
        // `(id) name` the first time, `(id)` from then on.
        let (id, rest): (&str, &str) = str::split_once(value, ')').unwrap_or_default();
        if !rest.is_empty() {
            names.insert(id, rest.trim());
        }
        names.get(id).copied().unwrap_or_default()
    };
    let mut counted = Counted::default();
    let (mut inside, mut called, mut is_call) = ("", "", false);
    for line in text.lines() {
        if let Some(value) = line.strip_prefix("fn=") {
            inside = name(value);
        } else if let Some(value) = line.strip_prefix("cfn=") {
            called = name(value);
        } else if let Some(value) = line.strip_prefix("calls=") {
            is_call = true;
            if is_allocator(called) && !is_allocator(inside) {
                counted.allocations += number(value);
            }
        } else if line.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '*')) {
            // Behind `calls=` stands what the call cost, which the called function's own lines tell too.
            let cost = line.split_once(' ').map_or(0.0, |(_, cost)| number(cost));
            if !std::mem::take(&mut is_call) {
                counted.instructions += cost;
                if inside.contains("sha256") || inside.contains("sha2::") {
                    counted.hashing += cost;
                }
            }
        }
    }
    counted
}

fn is_allocator(function: &str) -> bool {
    let name = function.split(['@', '\'']).next().unwrap_or_default();
    matches!(
        name,
        "malloc" | "calloc" | "realloc" | "posix_memalign" | "aligned_alloc"
    )
}

fn number(text: &str) -> f64 {
    text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0.0)
}

/// Runs the load and lets the kernel count for each of its requests.
pub(crate) async fn events(
    running: &Started,
    load: impl AsyncFn() -> anyhow::Result<()>,
    requests: usize,
) -> anyhow::Result<Events> {
    let pause = async || {
        tokio::time::sleep(IDLE).await;
        Ok(())
    };
    let (idle, idle_time) = watched(running, pause).await?;
    let (busy, busy_time) = watched(running, load).await?;
    let share = busy_time.as_secs_f64() / idle_time.as_secs_f64();
    let each = |busy: f64, idle: f64| (busy - idle * share) / requests as f64;
    Ok(Events {
        system_calls: each(busy.system_calls, idle.system_calls),
        switches: each(busy.switches, idle.switches),
    })
}

async fn watched(
    running: &Started,
    happening: impl AsyncFn() -> anyhow::Result<()>,
) -> anyhow::Result<(Events, Duration)> {
    let mut perf = Command::new("perf");
    perf.args(["stat", "-x,", "-e", "raw_syscalls:sys_enter,context-switches", "-p"]);
    perf.arg(running.id().to_string()).stderr(Stdio::piped());
    let watching = perf.spawn().context("perf does not start")?;
    tokio::time::sleep(PERF_START).await;
    let began = Instant::now();
    happening().await?;
    let took = began.elapsed();
    let stop = format!("kill -INT {}", watching.id());
    ensure!(
        Command::new("sh").args(["-c", &stop]).status()?.success(),
        "perf has ended early"
    );
    let said = watching.wait_with_output()?;
    let said = String::from_utf8_lossy(&said.stderr);
    let figure = |event: &str| {
        let line = said.lines().find(|line| line.contains(event));
        let figure = line.and_then(|line| line.split(',').next()?.parse::<f64>().ok());
        figure.with_context(|| format!("perf cannot count {event} here: {said}"))
    };
    let events = Events {
        system_calls: figure("raw_syscalls")?,
        switches: figure("context-switches")?,
    };
    Ok((events, took))
}
