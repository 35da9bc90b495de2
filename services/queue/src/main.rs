//! The queue service's process.

use queue_service::{Config, build};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    common::lifecycle::run(
        "queue-service",
        |env| async move { build(Config::from_env(&env)?).await },
    )
    .await
}
