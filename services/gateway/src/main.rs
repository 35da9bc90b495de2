//! The gateway's process; everything it does is in the library.

use gateway::{Config, build};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    common::lifecycle::run("gateway", |env| async move { build(Config::from_env(&env)?).await }).await
}
