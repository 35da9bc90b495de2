//! `ticketctl saga`: where each booking stands between reservation, payment and PortOne.

mod booking;
mod drive;
mod list;
mod show;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Saga {
    /// List the bookings that are under way, those that need somebody first.
    List(list::List),
    /// Show one booking's rows and its whole history, messages included.
    Show(show::Show),
    /// Make the payment service take a booking up at once: ask PortOne, ask the reservation service, refund.
    Drive(drive::Drive),
}

impl Saga {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.run().await,
            Self::Show(command) => command.run().await,
            Self::Drive(command) => command.run().await,
        }
    }
}
