//! `ticketctl status`: the whole system on one screen. Each part is asked at the same time, and what cannot be asked says so instead of
//! keeping the rest from being shown.

mod exposition;
mod numbers;
mod programs;
mod screen;

use std::process::ExitCode;

use clap::Args;

use crate::connection::{Broker, Database};
use numbers::Numbers;
use programs::Addresses;

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    addresses: Addresses,
    #[command(flatten)]
    broker: Broker,
    #[command(flatten)]
    database: Database,
}

impl Status {
    /// Fails (exit code 1) when a program is not ready, a part does not answer, or something needs somebody.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let (programs, numbers, letters) = tokio::join!(
            self.addresses.ask(),
            numbers::read(&self.database),
            crate::dlq::open_letters(&self.broker, &self.database),
        );
        let screen = screen::Screen::new(programs?, numbers, letters);
        if self.json {
            println!("{}", serde_json::to_string_pretty(&screen)?);
        } else {
            println!("{screen}");
        }
        Ok(if screen.is_well() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
