//! The queue service's process.

use common::program::Program;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let program = Program {
        name: "queue-service",
        config: queue_service::Config::from_env,
        build: queue_service::build,
        openapi: |_| queue_service::openapi(),
    };
    program.run().await
}
