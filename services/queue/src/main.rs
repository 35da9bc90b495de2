//! The queue service's process.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    queue_service::program().await
}
