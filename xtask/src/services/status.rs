//! `cargo xtask status`.

use anyhow::Result;

use super::{http_client, instances, is_ready};
use crate::infra::{self, Infra};
use crate::ports::Ports;
use crate::state::{self, State};
use crate::workspace::Workspace;

/// Prints what runs, where, and whether it may be used.
pub(crate) async fn print_status(workspace: &Workspace, ports: &Ports) -> Result<()> {
    let client = http_client()?;
    let pids = state::running(workspace);
    let tls = State::read(workspace).is_some_and(|state| state.gateway.starts_with("https:"));
    let row = |name: &str, url: &str, ready: bool| {
        let pid = pids.get(name).map_or_else(|| "-".to_owned(), ToString::to_string);
        say!(
            "{name:<16} {url:<56} {pid:>8}  {}",
            if ready { "ready" } else { "not ready" }
        );
    };
    say!("{:<16} {:<56} {:>8}  READY", "NAME", "URL", "PID");
    for instance in instances().rev() {
        let name = instance.name();
        // Of replicas there is nothing to be said that were not asked for.
        if instance.is_first() || pids.contains_key(&name) {
            let ready = is_ready(&client, &instance.health_url(ports, tls)).await.is_ok();
            row(&name, &instance.url(ports, tls), ready);
        }
    }
    let infra = Infra::addresses(ports);
    let [postgres, redis, kafka, s3] = infra::answering(&infra).await;
    row("postgres", &infra.postgres, postgres);
    row("redis", &infra.redis, redis);
    for (number, url) in infra.redis_cluster.iter().enumerate() {
        row(&format!("redis-cluster-{}", number + 1), url, infra::is_reachable(url));
    }
    match infra.kafka.split_once(',') {
        None => row("kafka", &infra.kafka, kafka),
        Some((first, second)) => {
            row("kafka", first, infra::is_reachable(first));
            row("kafka-2", second, infra::is_reachable(second));
            row(
                "kafka-controller",
                &format!("127.0.0.1:{}", ports.kafka_controller),
                infra::is_taken(ports.kafka_controller),
            );
        }
    }
    row("s3", &infra.s3, s3);
    Ok(())
}
