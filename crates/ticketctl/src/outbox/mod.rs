//! `ticketctl outbox`: messages that cannot be sent. A parked one holds back the later ones of its key.

mod list;
mod retry;
mod skip;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Outbox {
    /// What waits to be sent, and what is parked.
    List(list::List),
    /// Let the relay try parked messages again, after what was wrong has been put right.
    Retry(retry::Retry),
    /// Give parked messages up, so that the later ones of their keys are sent. The message is lost to its consumers.
    Skip(skip::Skip),
}

impl Outbox {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.run().await,
            Self::Retry(command) => command.run().await,
            Self::Skip(command) => command.run().await,
        }
    }
}
