//! What operators do to a running system, one module per command. A library too, so that tests call the same code instead
//! of starting a process.
#![expect(clippy::print_stdout, reason = "a command line talks to people")]

mod accounts;
mod admin;
pub mod audit;
mod connection;
mod deliveries;
mod dlq;
mod exposition;
mod keys;
mod migrate;
mod outbox;
mod output;
mod queue;
mod refund;
mod saga;
mod settings;
mod status;
mod text;
mod topics;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use common::config::Env;

use output::Output;

/// Operates a ticket-queue system.
#[derive(Debug, Parser)]
#[command(name = "ticketctl", version)]
#[command(after_help = "\
Begin with:
  ticketctl status
  ticketctl audit
  ticketctl queue list

Exit codes:
  0  done; for status and audit: all is well
  1  it could not be done; why is on standard error
  2  this is not a command; nothing was tried
  3  status or audit found something that needs somebody

Where the system is comes from TICKETCTL_DATABASE_URL (a role that may act as the migrator), KAFKA_BROKERS, KAFKA_TOPIC_PREFIX and, for
numbers, GATEWAY_URL and the services' URLs. docs/operations.md and docs/runbook.md say which command is for what.")]
pub struct Cli {
    /// Print what was found or done as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the whole system on one screen; fails when something needs somebody.
    Status(status::Status),
    /// Create the database, its roles and schemas, and apply the migrations that it lacks.
    Migrate(migrate::Migrate),
    /// The topics on Kafka.
    #[command(subcommand)]
    Topics(topics::Topics),
    /// Administrators' accounts.
    #[command(subcommand)]
    Admin(admin::Admin),
    /// The keys of personal data.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Messages that a consumer could not handle.
    #[command(subcommand)]
    Dlq(dlq::Dlq),
    /// Messages that cannot be sent.
    #[command(subcommand)]
    Outbox(outbox::Outbox),
    /// Money that must go back.
    #[command(subcommand)]
    Refund(refund::Refund),
    /// How fast the waiting lines move: rate, cap, pause.
    #[command(subcommand)]
    Queue(queue::Queue),
    /// Where bookings stand.
    #[command(subcommand)]
    Saga(saga::Saga),
    /// Look for rows that break the system's invariants; fails when there are any.
    Audit(audit::Audit),
    /// Print which environment variables this program reads, as JSON.
    #[command(after_help = "\
Examples:
  ticketctl settings

Services tell theirs alike: `user-service settings`. docs/configuration.md has all of them in one table.")]
    Settings,
    /// Print what a shell needs to complete commands: `source <(ticketctl completion bash)`.
    Completion {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Runs a command. The exit code is 3 when `status` or `audit` found something; an error is what could not be done.
///
/// # Errors
///
/// Whatever kept the command from being done.
pub async fn run(cli: Cli, env: &Env) -> anyhow::Result<ExitCode> {
    let output = if cli.json { Output::Json } else { Output::Text };
    match cli.command {
        Command::Status(command) => return command.run(output).await,
        Command::Migrate(command) => command.run(env, output).await?,
        Command::Topics(command) => command.run(output).await?,
        Command::Admin(command) => command.run(env, output).await?,
        Command::Keys(command) => command.run(env, output).await?,
        Command::Dlq(command) => command.run(output).await?,
        Command::Outbox(command) => command.run(output).await?,
        Command::Refund(command) => command.run(output).await?,
        Command::Queue(command) => command.run(output).await?,
        Command::Saga(command) => command.run(output).await?,
        Command::Audit(command) => return command.run(output).await,
        Command::Settings => println!("{}", settings::told(&Cli::command())?),
        Command::Completion { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "ticketctl", &mut std::io::stdout());
        }
    }
    Ok(ExitCode::SUCCESS)
}
