//! The simulators as a process of their own: `HOST`, `PORT` and the variables of [`SimulatorConfig::from_vars`].

use std::collections::HashMap;

use anyhow::Context;
use simulators::{SimulatorConfig, serve};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let vars: HashMap<String, String> = std::env::vars().collect();
    start_logging(&vars)?;

    let host = vars.get("HOST").map_or("0.0.0.0", String::as_str);
    let port: u16 = vars.get("PORT").map_or(Ok(8090), |port| port.parse()).context("PORT")?;
    let config = SimulatorConfig::from_vars(&vars)?;

    let listener = TcpListener::bind((host, port))
        .await
        .with_context(|| format!("the simulators cannot listen on {host}:{port}"))?;
    let mut terminated = signal(SignalKind::terminate())?;
    tracing::info!(address = %listener.local_addr()?, "simulators are listening");

    serve(listener, config, async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    })
    .await
}

fn start_logging(vars: &HashMap<String, String>) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(vars.get("LOG_LEVEL").map_or("info", String::as_str)).context("LOG_LEVEL")?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter);
    if vars.get("LOG_FORMAT").is_some_and(|format| format == "text") {
        subscriber.init();
    } else {
        subscriber.json().init();
    }
    Ok(())
}
