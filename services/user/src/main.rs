//! The user service's process.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    user_service::program().await
}
