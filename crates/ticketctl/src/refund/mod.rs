//! `ticketctl refund`: money that must go back. The payment service tries for 24 hours; what it gives up is an operator's.

mod list;
mod retry;
mod row;
mod show;

use clap::Subcommand;

use crate::output::Output;

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  ticketctl refund list
  ticketctl refund list --status succeeded --limit 20
  ticketctl refund show 019ab000-0000-7000-8000-000000000002
  ticketctl refund retry 019ab000-0000-7000-8000-000000000002
  ticketctl refund retry --all-failed")]
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
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.run(output).await,
            Self::Show(command) => command.run(output).await,
            Self::Retry(command) => command.run(output).await,
        }
    }
}
