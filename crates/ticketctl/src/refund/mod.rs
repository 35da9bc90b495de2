//! `ticketctl refund`: money that must go back. The payment service tries for 24 hours; what it gives up is an operator's.

mod list;
mod retry;
mod row;
mod show;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Refund {
    /// List the refunds that are not done: those that were given up first, then the overdue ones.
    List(list::List),
    /// Show one, by its payment.
    Show(show::Show),
    /// Let the payment service try again those that it had given up. It reads PortOne before each try, so nothing is given
    /// back twice.
    Retry(retry::Retry),
}

impl Refund {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.run().await,
            Self::Show(command) => command.run().await,
            Self::Retry(command) => command.run().await,
        }
    }
}
