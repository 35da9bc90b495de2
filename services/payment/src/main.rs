//! The payment service's process.

use common::program::Program;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let program = Program {
        name: "payment-service",
        config: payment_service::Config::from_env,
        build: payment_service::build,
        openapi: |_| payment_service::openapi(),
    };
    program.run().await
}
