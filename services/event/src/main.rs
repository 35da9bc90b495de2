//! The event service's process.

use common::program::Program;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let program = Program {
        name: "event-service",
        config: event_service::Config::from_env,
        build: event_service::build,
        openapi: |_| event_service::openapi(),
    };
    program.run().await
}
