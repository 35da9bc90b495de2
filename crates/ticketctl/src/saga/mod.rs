//! `ticketctl saga`: where each booking stands between reservation, payment and PortOne.

mod booking;
mod drive;
mod list;
mod show;

use clap::Subcommand;

use crate::output::Output;

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  ticketctl saga list --stuck
  ticketctl saga show 019ab000-0000-7000-8000-000000000003
  ticketctl saga drive 019ab000-0000-7000-8000-000000000003

An id is that of a reservation or of a payment, as a buyer's mail, a log or the audit has it.")]
pub(crate) enum Saga {
    /// List the bookings that are under way, those that need somebody first.
    List(list::List),
    /// Show one booking's rows and its whole history, messages included.
    Show(show::Show),
    /// Make the payment service take a booking up at once: ask PortOne, ask the reservation service, refund.
    Drive(drive::Drive),
}

impl Saga {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.run(output).await,
            Self::Show(command) => command.run(output).await,
            Self::Drive(command) => command.run(output).await,
        }
    }
}
