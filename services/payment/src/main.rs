//! The payment service's process.

use payment_service::{Config, build};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    common::lifecycle::run(
        "payment-service",
        |env| async move { build(Config::from_env(&env)?).await },
    )
    .await
}
