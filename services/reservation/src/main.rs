//! The reservation service's process.

use reservation_service::{Config, build};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    common::lifecycle::run("reservation-service", |env| async move {
        build(Config::from_env(&env)?).await
    })
    .await
}
