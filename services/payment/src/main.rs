//! The payment service's process.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    payment_service::program().await
}
