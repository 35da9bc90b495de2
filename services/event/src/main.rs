//! The event service's process.

use event_service::{Config, build};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    common::lifecycle::run(
        "event-service",
        |env| async move { build(Config::from_env(&env)?).await },
    )
    .await
}
