//! The event service's process.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    event_service::program().await
}
