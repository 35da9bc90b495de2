//! What operators do to a running system, one module per command. A library too, so that tests call the same code instead
//! of starting a process.
#![expect(clippy::print_stdout, reason = "a command line talks to people")]

mod accounts;
mod admin;
pub mod audit;
mod connection;
mod deliveries;
mod dlq;
mod keys;
mod migrate;
mod outbox;
mod refund;
mod saga;
mod status;
mod text;
mod topics;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use common::config::Env;

/// Operates a ticket-queue system.
#[derive(Debug, Parser)]
#[command(name = "ticketctl", version)]
pub struct Cli {
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
    /// Where bookings stand.
    #[command(subcommand)]
    Saga(saga::Saga),
    /// Look for rows that break the system's invariants; fails when there are any.
    Audit(audit::Audit),
    /// Print what a shell needs to complete commands: `source <(ticketctl completion bash)`.
    Completion {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Runs a command. The exit code is a failure when an audit found something; an error is what could not be done.
///
/// # Errors
///
/// Whatever kept the command from being done.
pub async fn run(cli: Cli, env: &Env) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Status(command) => return command.run().await,
        Command::Migrate(command) => command.run(env).await?,
        Command::Topics(command) => command.run().await?,
        Command::Admin(command) => command.run(env).await?,
        Command::Keys(command) => command.run(env).await?,
        Command::Dlq(command) => command.run().await?,
        Command::Outbox(command) => command.run().await?,
        Command::Refund(command) => command.run().await?,
        Command::Saga(command) => command.run().await?,
        Command::Audit(command) => return command.run().await,
        Command::Completion { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "ticketctl", &mut std::io::stdout());
        }
    }
    Ok(ExitCode::SUCCESS)
}
