//! The user service's process.

use common::program::Program;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let program = Program {
        name: "user-service",
        config: user_service::Config::from_env,
        build: user_service::build,
        openapi: |_| user_service::openapi(),
    };
    program.run().await
}
