//! `ticketctl outbox`: messages that cannot be sent. A parked one holds back the later ones of its key.

mod list;
mod republish;
mod retry;
mod skip;
pub(crate) mod unsent;

use clap::Subcommand;

use crate::output::Output;

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  ticketctl outbox list
  ticketctl outbox retry 019ab000-0000-7000-8000-000000000004
  ticketctl outbox skip 019ab000-0000-7000-8000-000000000004
  ticketctl outbox republish --dry-run
  ticketctl outbox republish
  ticketctl outbox republish --since 2026-11-23T10:00:00Z")]
pub(crate) enum Outbox {
    /// What waits to be sent, and what is parked.
    List(list::List),
    /// Let the relay try parked messages again, after what was wrong has been put right.
    Retry(retry::Retry),
    /// Give parked messages up, so that the later ones of their keys are sent. The message is lost to its consumers.
    Skip(skip::Skip),
    /// Send messages again that were sent and are lost: after Kafka lost its topics, or the database was restored.
    Republish(republish::Republish),
}

impl Outbox {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.run(output).await,
            Self::Retry(command) => command.run(output).await,
            Self::Skip(command) => command.run(output).await,
            Self::Republish(command) => command.run(output).await,
        }
    }
}
