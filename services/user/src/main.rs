//! The user service's process.

use std::process::ExitCode;
use user_service::{Config, build};

#[tokio::main]
async fn main() -> ExitCode {
    common::lifecycle::run(
        "user-service",
        |env| async move { build(Config::from_env(&env)?).await },
    )
    .await
}
