//! Brings the local database named by the only argument up to date, with the local passwords. It is `ticketctl migrate`
//! without the services: `cargo xtask sqlx` needs a migrated database before any crate with checked statements compiles.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program talks to people"
)]

use schema::{Passwords, migrate};
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(url) = std::env::args().nth(1) else {
        eprintln!("usage: schema <superuser URL of the database>");
        return ExitCode::FAILURE;
    };
    match migrate(&url, &Passwords::local()).await {
        Ok(()) => {
            println!("The database is up to date.");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("the database is not up to date: {error}");
            ExitCode::FAILURE
        }
    }
}
