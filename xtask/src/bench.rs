//! `cargo xtask bench`: measures this system against peers, on the machine at hand (design.md §16).
//!
//! The benches are programs of the crates they measure. This starts what they need, tells them where it is as it tells the
//! tests, and finds pgbench, which the server's own package lacks.

mod report;
mod system;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::ValueEnum;

pub(crate) use self::report::said;
use crate::infra;
use crate::peers;
use crate::ports::Ports;
use crate::services;
use crate::workspace::{Workspace, run, run_quietly};

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Bench {
    /// A hold of four seats through the reservation service, against a lock per seat.
    Hold,
    /// The transaction of a hold, against pgbench running the same statements.
    Reservation,
    /// From a commit to the consumer, against a poller; and with a million published rows.
    Outbox,
    /// The gateway, against nginx, Envoy and Spring.
    Gateway,
    /// The public list of 10,000 concerts without a cache: the database's time for each filter.
    Catalogue,
    /// Cached lists, concerts and seat maps, against bare handlers; a seat map on the wire; one seat's change.
    Seats,
    /// The waiting line, against one EVALSHA per request; long lines; ten thousand streams.
    Queue,
    /// What the time of a login tells, and what a crowd of logins leaves for others.
    Accounts,
    /// The whole system under 1,000 requests a second of all kinds, for a minute.
    Mixed,
    /// The whole system under 5,000 requests a second of entries and polls, for ten seconds.
    Peak,
    /// Instructions, allocations and system calls of one request; a busy machine does not disturb them.
    Counts,
}

impl Bench {
    /// The package whose bench of the same name it is.
    fn package(self) -> &'static str {
        match self {
            Self::Hold | Self::Reservation => "reservation-service",
            Self::Outbox => "outbox",
            Self::Gateway => "gateway",
            Self::Catalogue | Self::Seats => "event-service",
            Self::Queue => "queue-service",
            Self::Accounts => "user-service",
            Self::Counts => "test-support",
            Self::Mixed | Self::Peak => "load",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Reservation => "reservation",
            Self::Outbox => "outbox",
            Self::Gateway => "gateway",
            Self::Catalogue => "catalogue",
            Self::Seats => "seats",
            Self::Queue => "queue",
            Self::Accounts => "accounts",
            Self::Counts => "counts",
            Self::Mixed => "mixed",
            Self::Peak => "peak",
        }
    }
}

/// What is named on the command line.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Choice {
    All,
    One(Bench),
}

/// The name of a bench, or `all`.
pub(crate) fn choice(name: &str) -> Result<Choice, String> {
    if name == "all" {
        return Ok(Choice::All);
    }
    let all: Vec<_> = Bench::value_variants().iter().map(|bench| bench.name()).collect();
    let one = Bench::from_str(name, false).map(Choice::One);
    one.map_err(|_| format!("there are {} and all", all.join(", ")))
}

/// Runs these benches one after the other, all of them if none is named, and writes their figures down.
pub(crate) async fn bench(workspace: &Workspace, ports: &Ports, choices: &[Choice], quick: bool) -> Result<()> {
    let infra = {
        let _lock = workspace.lock()?;
        infra::up(workspace, ports).await?
    };
    let named: Option<Vec<Bench>> = choices
        .iter()
        .map(|choice| match choice {
            Choice::All => None,
            Choice::One(bench) => Some(*bench),
        })
        .collect();
    let benches = match &named {
        Some(named) if !named.is_empty() => named.as_slice(),
        _ => Bench::value_variants(),
    };
    for bench in benches {
        let file = report::file(workspace, bench.name())?;
        if matches!(bench, Bench::Mixed | Bench::Peak) {
            system::run(workspace, ports, bench.name(), quick, &file).await?;
            publish(workspace, &infra, *bench, quick).await?;
            continue;
        }
        let mut cargo = workspace.cargo();
        cargo.args([
            "bench",
            "--quiet",
            "--package",
            bench.package(),
            "--bench",
            bench.name(),
        ]);
        if quick {
            cargo.args(["--", "--quick"]);
        }
        cargo.env("TICKET_QUEUE_POSTGRES_URL", infra.database_url("postgres"));
        cargo.env("TICKET_QUEUE_REDIS_URL", &infra.redis);
        cargo.env("TICKET_QUEUE_KAFKA", &infra.kafka);
        cargo.env("TICKET_QUEUE_S3_URL", &infra.s3);
        cargo.env(report::FILE, file);
        if *bench == Bench::Reservation {
            cargo.env("TICKET_QUEUE_PGBENCH", pgbench(workspace)?);
        }
        if *bench == Bench::Gateway {
            // Measured is the program that is shipped, not the bench's build of it.
            services::build_with(workspace, true, &[])?;
            cargo.env("TICKET_QUEUE_GATEWAY", workspace.binaries(true)?.join("gateway"));
            cargo.envs(peers::variables(workspace));
        }
        if *bench == Bench::Counts {
            services::build_with(workspace, true, &[])?;
            cargo.env("TICKET_QUEUE_PROGRAMS", workspace.binaries(true)?);
        }
        run(&mut cargo)?;
        publish(workspace, &infra, *bench, quick).await?;
    }
    Ok(())
}

/// Puts the figures into the document, but those of a quick run, which mean little.
async fn publish(workspace: &Workspace, infra: &infra::Infra, bench: Bench, quick: bool) -> Result<()> {
    if quick {
        return Ok(());
    }
    let circumstances = report::Circumstances {
        date: report::today(),
        machine: report::machine(),
        compared: versions(workspace, infra, bench).await,
    };
    report::write(workspace, bench.name(), &circumstances)
}

/// What took part, each with its version.
async fn versions(workspace: &Workspace, infra: &infra::Infra, bench: Bench) -> Vec<String> {
    let mut versions = infra::versions(infra).await;
    match bench {
        Bench::Reservation => {
            let program = pgbench(workspace).ok();
            versions.extend(program.and_then(|program| report::said(Command::new(program).arg("--version"))));
        }
        Bench::Gateway => versions.extend(peers::versions(workspace)),
        _ => {}
    }
    versions
}

/// What to do when [`pgbench`] cannot do it.
const ADVICE: &str =
    "pgbench is needed; please run: sudo apt-get install -y --no-install-recommends postgresql-contrib";

/// Where pgbench is: installed, else unpacked here from Debian's package, without installing the server that it comes with.
fn pgbench(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.dev().join("pgbench");
    if let Some(program) = found(&folder) {
        return Ok(program);
    }
    say!("fetching pgbench (Debian package postgresql-15, once)");
    unpack("postgresql-15", &folder).context(ADVICE)?;
    if found(&folder).is_none() {
        // The client library is a package of its own, without a server.
        let libpq = ["install", "-y", "-qq", "--no-install-recommends", "libpq5"];
        run_quietly(&mut apt_get(&libpq)).context(ADVICE)?;
    }
    found(&folder).with_context(|| format!("the one in {} does not start; {ADVICE}", folder.display()))
}

/// Unpacks a Debian package into a folder of its own instead of installing it.
pub(crate) fn unpack(package: &str, folder: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let mut download = apt_get(&["download", "-qq", package]);
    download.current_dir(folder);
    if run_quietly(&mut download).is_err() {
        // A fresh machine has no package lists, an old one has stale ones.
        run_quietly(&mut apt_get(&["update", "-qq"]))?;
        run_quietly(&mut download)?;
    }
    for package in fs::read_dir(folder)? {
        let package = package?.path();
        if package.extension().is_some_and(|extension| extension == "deb") {
            run_quietly(Command::new("dpkg").arg("-x").arg(&package).arg(folder))?;
            fs::remove_file(package)?;
        }
    }
    Ok(())
}

/// Debian's own name for it starts a script that looks for a server, so the program itself is looked for first.
fn found(folder: &Path) -> Option<PathBuf> {
    let candidates = [Path::new("/"), folder].map(|root| root.join("usr/lib/postgresql/15/bin/pgbench"));
    candidates
        .into_iter()
        .chain([PathBuf::from("pgbench")])
        .find(|program| {
            let version = Command::new(program).arg("--version").output();
            version.is_ok_and(|output| output.status.success())
        })
}

fn apt_get(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
    command
}
