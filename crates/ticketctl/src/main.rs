//! The operator's command line.

use std::process::ExitCode;

use clap::Parser;
use common::config::Env;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = ticketctl::Cli::parse();
    let ran = match Env::from_process() {
        Ok(env) => ticketctl::run(cli, &env).await,
        Err(error) => Err(error.into()),
    };
    ran.unwrap_or_else(|error| {
        // The chain of causes without a backtrace, which would tell an operator nothing.
        eprintln!("ticketctl: {error:#}");
        ExitCode::FAILURE
    })
}
