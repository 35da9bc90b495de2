//! The simulators as a process of their own: `HOST`, `PORT` and the variables of [`SimulatorConfig::from_vars`].

use std::io::Write as _;

use anyhow::Context;
use simulators::{SimulatorConfig, Vars, serve};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::{Layer, filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("settings") {
        let vars = Vars::default();
        read(&vars)?;
        return writeln!(std::io::stdout(), "{}", vars.asked()).map_err(Into::into);
    }
    let settings = read(&Vars::new(std::env::vars()))?;
    start_logging(&settings)?;
    let Settings { host, port, config, .. } = settings;

    let listener = TcpListener::bind((host.as_str(), port))
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

/// Everything that is read of the environment.
struct Settings {
    host: String,
    port: u16,
    log_level: String,
    log_format: String,
    config: SimulatorConfig,
}

fn read(vars: &Vars) -> anyhow::Result<Settings> {
    Ok(Settings {
        host: vars.text("HOST", "0.0.0.0"),
        port: vars.port("PORT", 8090)?,
        log_level: vars.text("LOG_LEVEL", "info"),
        log_format: vars.text("LOG_FORMAT", "json"),
        config: SimulatorConfig::from_vars(vars)?,
    })
}

fn start_logging(settings: &Settings) -> anyhow::Result<()> {
    let filter: Targets = settings.log_level.parse().context("LOG_LEVEL")?;
    let lines = fmt::layer();
    let lines = if settings.log_format == "text" {
        lines.boxed()
    } else {
        lines.json().boxed()
    };
    tracing_subscriber::registry().with(lines).with(filter).init();
    Ok(())
}
