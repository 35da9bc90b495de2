//! `ticketctl status`: the whole system on one screen. Each part is asked at the same time, and what cannot be asked says so instead of
//! keeping the rest from being shown.

mod numbers;
mod programs;
mod screen;

use std::process::ExitCode;

use clap::Args;

use crate::{
    connection::{Broker, Database},
    output::{Output, verdict},
};
use numbers::Numbers;
use programs::Addresses;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ticketctl status
  ticketctl status --json
  ticketctl status --gateway https://api.example.com")]
pub(crate) struct Status {
    #[command(flatten)]
    addresses: Addresses,
    #[command(flatten)]
    broker: Broker,
    #[command(flatten)]
    database: Database,
}

impl Status {
    /// The exit code says when a program is not ready, a part does not answer, or something needs somebody.
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<ExitCode> {
        let (programs, numbers, letters) = tokio::join!(
            self.addresses.ask(),
            numbers::read(&self.database),
            crate::dlq::open_letters(&self.broker, &self.database),
        );
        let screen = screen::Screen::new(programs?, numbers, letters);
        if !output.json(&screen)? {
            println!("{screen}");
        }
        Ok(verdict(screen.is_well()))
    }
}
