//! `cargo xtask bench peak` starts it once the system is up (`load::mixed`).

use load::mixed::{Load, start};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    start(Load::peak).await
}
