//! Developer tasks: `cargo xtask <task>` (design.md §16).

#[macro_use]
mod say;

mod bench;
mod checks;
mod demo;
mod dev;
mod docs;
mod guide;
mod infra;
mod layout;
mod load;
mod logs;
mod onsale;
mod peers;
mod plant;
mod ports;
mod process;
mod services;
mod sqlx;
mod state;
mod suites;
mod visit;
mod workspace;

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::{Args, Parser, Subcommand};

use crate::layout::{Layout, LayoutArgs};
use crate::ports::Ports;
use crate::services::{Environment, Tenancy, Ticketctl, Wanted};
use crate::workspace::Workspace;

/// Developer tasks of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Start what is missing of the system and wait until it is ready.
    Up(UpArgs),
    /// Keep the system as new as its sources: after each change, build, and restart what became different.
    Dev(SystemArgs),
    /// Stop what this folder started.
    Down {
        /// Let PostgreSQL, Redis and Kafka run on.
        #[arg(long)]
        services_only: bool,
    },
    /// Show what runs, where, and whether it is ready.
    Status,
    /// Show the end of the logs.
    Logs {
        /// Only this one, e.g. `gateway` or `kafka`.
        name: Option<String>,
        /// Show what is added, until interrupted.
        #[arg(short, long)]
        follow: bool,
    },
    /// Bring the system up and walk a buyer's whole journey through it.
    Demo(DemoArgs),
    /// Sell out a hall to tens of thousands of buyers at once, and report whether it was fair, fast and exact.
    Onsale(onsale::OnsaleArgs),
    /// Run the tests, with real infrastructure.
    Test {
        #[command(flatten)]
        ports: PortsArgs,
        /// Passed on to `cargo test`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Remove one guard after another, in a copy, and demand that the tests notice.
    Plant {
        /// Only these faults.
        names: Vec<String>,
    },
    /// Check format, settings, SQL statements and lints.
    Check,
    /// Write the documents that are made of the code: docs/configuration.md and docs/openapi.json.
    Docs {
        /// Only fail when one of them is not up to date, or a document names what does not exist.
        #[arg(long)]
        check: bool,
    },
    /// Describe the SQL statements anew in `.sqlx`.
    Sqlx {
        /// Only fail when they are not up to date.
        #[arg(long)]
        check: bool,
    },
    /// Measure, in optimised builds, and write the figures into docs/performance.md; without a name, everything.
    Bench {
        /// What to measure, such as `gateway` or `mixed`; `all` is everything.
        #[arg(value_parser = bench::choice)]
        names: Vec<bench::Choice>,
        /// Shorter, to see that it works; the figures mean little and are not written.
        #[arg(long)]
        quick: bool,
    },
    /// Load tests with Gatling: a crowd in line, a race for seats, payments; without a name, all three. Audits afterwards.
    Load {
        /// Which of them.
        #[arg(value_enum)]
        scenarios: Vec<load::Scenario>,
        /// Small numbers and much patience, to see that it works.
        #[arg(long)]
        short: bool,
        /// Optimised binaries, unless a system runs already.
        #[arg(long)]
        release: bool,
        /// Passed on to Maven, e.g. `-- -Dusers=5000`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Run the examples of the API guide against the system, and compare the replies.
    Guide {
        /// Only this file instead.
        #[arg(default_value = "docs/api-guide.md")]
        file: std::path::PathBuf,
    },
    /// Compare the running system's books with one another and with the payment provider's.
    Audit {
        /// Passed on to `ticketctl audit`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

#[derive(Debug, Args)]
struct PortsArgs {
    /// Use a block of ports from here on, to run beside another system; remembered until `down`.
    #[arg(long, value_name = "PORT")]
    ports_from: Option<u16>,
}

#[derive(Debug, Args)]
struct UpArgs {
    /// Only PostgreSQL, Redis and Kafka.
    #[arg(long)]
    infra_only: bool,
    #[command(flatten)]
    system: SystemArgs,
}

/// How the system shall run.
#[derive(Debug, Args)]
struct SystemArgs {
    /// Optimised binaries.
    #[arg(long)]
    release: bool,
    /// The gateway over HTTPS (HTTP/1.1 and HTTP/2), with a certificate of this folder's own authority.
    #[arg(long)]
    tls: bool,
    /// A variable for every service; those running with another value are restarted.
    #[arg(long, value_name = "KEY=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// More than one process of a service, e.g. `queue=2,payment=3`; whoever calls the service calls all of them.
    #[arg(long, value_name = "SERVICE=COUNT", value_delimiter = ',', value_parser = services::replicas)]
    replicas: Vec<(String, u16)>,
    #[command(flatten)]
    layout: LayoutArgs,
    #[command(flatten)]
    ports: PortsArgs,
}

impl SystemArgs {
    fn wanted(self, workspace: &Workspace) -> Result<Wanted> {
        let mut env = BTreeMap::new();
        if self.tls {
            env = services::tls_settings(workspace)?;
        }
        env.extend(self.env);
        Ok(Wanted {
            release: self.release,
            env,
            replicas: self.replicas.into_iter().collect(),
        })
    }
}

#[derive(Debug, Args)]
struct DemoArgs {
    /// Leave the system running.
    #[arg(long)]
    keep: bool,
    /// Optimised binaries.
    #[arg(long)]
    release: bool,
    #[command(flatten)]
    layout: LayoutArgs,
    #[command(flatten)]
    ports: PortsArgs,
}

fn variable(text: &str) -> Result<(String, String)> {
    let (key, value) = text.split_once('=').ok_or_else(|| anyhow!("expected KEY=VALUE"))?;
    Ok((key.to_owned(), value.to_owned()))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Cli::parse().task).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(task: Task) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let asked = match &task {
        Task::Up(UpArgs {
            system: SystemArgs { ports, .. },
            ..
        })
        | Task::Dev(SystemArgs { ports, .. })
        | Task::Demo(DemoArgs { ports, .. })
        | Task::Onsale(onsale::OnsaleArgs { ports, .. })
        | Task::Test { ports, .. } => ports.ports_from,
        _ => None,
    };
    let layout = match &task {
        Task::Up(UpArgs {
            system: SystemArgs { layout, .. },
            ..
        })
        | Task::Dev(SystemArgs { layout, .. })
        | Task::Onsale(onsale::OnsaleArgs { layout, .. })
        | Task::Demo(DemoArgs { layout, .. }) => Some(layout),
        _ => None,
    };
    let mut ports = Ports::choose(&workspace, asked)?;
    ports.layout = Layout::choose(&workspace, layout)?;
    match task {
        Task::Up(args) => up(&workspace, &ports, args).await?,
        Task::Dev(args) => dev::dev(&workspace, &ports, &args.wanted(&workspace)?).await?,
        Task::Down { services_only } => {
            let _lock = workspace.lock()?;
            services::down(&workspace)?;
            if !services_only {
                infra::down(&workspace, &ports)?;
                Ports::forget(&workspace)?;
                Layout::forget(&workspace)?;
            }
        }
        Task::Status => services::print_status(&workspace, &ports).await?,
        Task::Logs { name, follow } => logs::show(&workspace, name.as_deref(), follow)?,
        Task::Demo(args) => {
            let options = demo::Options {
                keep: args.keep,
                release: args.release,
            };
            return demo::run(&workspace, &ports, &options).await;
        }
        Task::Onsale(args) => return onsale::run(&workspace, &ports, &args).await,
        Task::Test { arguments, .. } => checks::test(&workspace, &ports, &arguments).await?,
        Task::Plant { names } => plant::plant(&workspace, &ports, &names).await?,
        Task::Check => checks::check(&workspace, &ports).await?,
        Task::Docs { check: true } => docs::check(&workspace)?,
        Task::Docs { check: false } => docs::write(&workspace)?,
        Task::Sqlx { check } => {
            let mode = if check { sqlx::Mode::Check } else { sqlx::Mode::Write };
            sqlx::prepare(&workspace, &ports, mode).await?;
        }
        Task::Bench { names, quick } => bench::bench(&workspace, &ports, &names, quick).await?,
        Task::Load {
            scenarios,
            short,
            release,
            arguments,
        } => {
            let options = load::Options {
                scenarios,
                short,
                release,
                arguments,
            };
            return load::run(&workspace, &ports, &options).await;
        }
        Task::Guide { file } => return guide::run(&workspace, &ports, &file).await,
        Task::Audit { arguments } => return audit(&workspace, &ports, &arguments).await,
    }
    Ok(ExitCode::SUCCESS)
}

async fn up(workspace: &Workspace, ports: &Ports, args: UpArgs) -> Result<()> {
    let _lock = workspace.lock()?;
    let infra = infra::up(workspace, ports).await?;
    say!(
        "postgres   {}\nredis      {}\nkafka      {}\ns3         {}",
        infra.postgres,
        infra.redis,
        infra.kafka,
        infra.s3
    );
    if !infra.redis_cluster.is_empty() {
        say!("cluster    {}", infra.redis_cluster.join(" "));
    }
    if args.infra_only {
        return Ok(());
    }
    let state = services::up(workspace, ports, &infra, &args.system.wanted(workspace)?).await?;
    say!(
        "gateway    {0}  (documentation at {0}/docs)\nsimulators {1}",
        state.gateway,
        state.simulators
    );
    say!("admin      {} {}", state.admin.email, state.admin.password);
    if state.gateway.starts_with("https:") {
        let authority = services::tls_authority(workspace);
        say!(
            "certificate of {0}: curl --cacert {0} {1}/health/ready",
            authority.display(),
            state.gateway
        );
    }
    Ok(())
}

async fn audit(workspace: &Workspace, ports: &Ports, arguments: &[String]) -> Result<ExitCode> {
    let infra = infra::Infra::addresses(ports);
    let tenancy = Tenancy::claim(workspace, &infra).await?;
    let environment = Environment::new(
        workspace,
        ports,
        &infra,
        &tenancy,
        &services::running(workspace).unwrap_or_default(),
    );
    services::build(workspace, false)?;
    let ticketctl = Ticketctl::new(&workspace.binaries(false)?, &environment);
    let status = ticketctl.command().arg("audit").args(arguments).status()?;
    Ok(ExitCode::from(process::code_of(status)))
}
