//! The gateway's process; everything it does is in the library.

use common::program::Program;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let program = Program {
        name: "gateway",
        config: gateway::Config::from_env,
        build: gateway::build,
        openapi: gateway::openapi,
    };
    program.run().await
}
