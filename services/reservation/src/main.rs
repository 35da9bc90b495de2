//! The reservation service's process.

use common::program::Program;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let program = Program {
        name: "reservation-service",
        config: reservation_service::Config::from_env,
        build: reservation_service::build,
        openapi: |_| reservation_service::openapi(),
    };
    program.run().await
}
