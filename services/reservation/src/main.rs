//! The reservation service's process.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    reservation_service::program().await
}
