//! PostgreSQL, Redis, Kafka and S3: given by address, else by a Docker engine that answers, else started natively.
//!
//! Whatever the source, the rest of the program sees four addresses. Without S3, which only posters need, the system works
//! but for these; so a machine that cannot have it is told so, and goes on.

mod docker;
mod kafka;
pub(crate) mod postgres;
mod redis;
mod redis_cluster;
mod s3;
pub(crate) mod tools;

use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::ports::Ports;
use crate::process::{self, Signal};
use crate::workspace::Workspace;

/// The names under which infrastructure processes are recorded, in the order they are stopped.
pub(crate) const NAMES: [&str; 9] = [
    kafka::SECOND,
    kafka::NAME,
    kafka::CONTROLLER,
    redis_cluster::NAMES[0],
    redis_cluster::NAMES[1],
    redis_cluster::NAMES[2],
    redis::NAME,
    s3::NAME,
    postgres::NAME,
];

/// Those that there always are.
const PLAIN_NAMES: [&str; 4] = [kafka::NAME, redis::NAME, s3::NAME, postgres::NAME];

/// How long one of them may take from its start until it answers.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// Where the infrastructure is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Infra {
    /// Superuser URL of PostgreSQL, without a database.
    pub(crate) postgres: String,
    /// Redis URL, without a database number.
    pub(crate) redis: String,
    /// Redis URLs of the cluster that services use instead, if there is one.
    pub(crate) redis_cluster: Vec<String>,
    /// Kafka bootstrap addresses, with commas between.
    pub(crate) kafka: String,
    /// S3's endpoint.
    pub(crate) s3: String,
}

impl Infra {
    /// Where the infrastructure is or will be: what the environment says, else this folder's ports.
    pub(crate) fn addresses(ports: &Ports) -> Self {
        let given = Given::from_environment();
        let native = Self::native(ports);
        Self {
            postgres: given.postgres.unwrap_or(native.postgres),
            redis_cluster: if given.redis.is_some() {
                Vec::new()
            } else {
                native.redis_cluster
            },
            redis: given.redis.unwrap_or(native.redis),
            kafka: given.kafka.unwrap_or(native.kafka),
            s3: given.s3.unwrap_or(native.s3),
        }
    }

    /// Where this program starts it.
    pub(crate) fn native(ports: &Ports) -> Self {
        let (superuser, password) = (postgres::SUPERUSER, postgres::PASSWORD);
        let masters = ports.redis_cluster.iter().filter(|_| ports.layout.redis_cluster);
        let mut kafka = format!("127.0.0.1:{}", ports.kafka);
        if ports.layout.kafka_brokers > 1 {
            kafka = format!("{kafka},127.0.0.1:{}", ports.kafka_second);
        }
        Self {
            postgres: format!("postgres://{superuser}:{password}@127.0.0.1:{}", ports.postgres),
            redis: format!("redis://127.0.0.1:{}", ports.redis),
            redis_cluster: masters.map(|port| format!("redis://127.0.0.1:{port}")).collect(),
            kafka,
            s3: format!("http://127.0.0.1:{}", ports.s3),
        }
    }

    /// The superuser's URL of a database.
    pub(crate) fn database_url(&self, database: &str) -> String {
        format!("{}/{database}", self.postgres)
    }
}

/// Addresses from the environment.
#[derive(Debug, Default)]
struct Given {
    postgres: Option<String>,
    redis: Option<String>,
    kafka: Option<String>,
    s3: Option<String>,
}

impl Given {
    #[expect(
        clippy::disallowed_methods,
        reason = "common::config is for services; xtask builds without the workspace"
    )]
    fn from_environment() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            postgres: variable("TICKET_QUEUE_POSTGRES_URL").map(|url| without_path(&url)),
            redis: variable("TICKET_QUEUE_REDIS_URL").map(|url| without_path(&url)),
            kafka: variable("TICKET_QUEUE_KAFKA"),
            s3: variable("TICKET_QUEUE_S3_URL").map(|url| without_path(&url)),
        }
    }

    fn is_complete(&self) -> bool {
        self.postgres.is_some() && self.redis.is_some() && self.kafka.is_some() && self.s3.is_some()
    }
}

/// A URL up to and without the database it may name.
fn without_path(url: &str) -> String {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let end = url[after_scheme..].find('/').map_or(url.len(), |at| after_scheme + at);
    url[..end].to_owned()
}

/// Where the programs of the servers are that this folder unpacked: tests start servers of their own with them, to kill
/// them. Nothing for infrastructure that was given or runs in Docker; those tests then say so.
pub(crate) fn programs(workspace: &Workspace) -> Vec<(&'static str, PathBuf)> {
    let postgres = postgres::programs(workspace).map(|folder| ("TICKET_QUEUE_POSTGRES_BIN", folder));
    let kafka = kafka::libraries(workspace).map(|folder| ("TICKET_QUEUE_KAFKA_LIBS", folder));
    postgres.into_iter().chain(kafka).collect()
}

/// Makes sure that there is a browser for the tests of pages.
pub(crate) fn browser() -> Result<()> {
    tools::ensure(&[tools::CHROMIUM, tools::CHROMEDRIVER])
}

/// Starts what does not answer yet, waits until all do.
pub(crate) async fn up(workspace: &Workspace, ports: &Ports) -> Result<Infra> {
    let infra = Infra::addresses(ports);
    let given = Given::from_environment();
    ensure_given_answer(&given).await?;
    if given.is_complete() {
        return Ok(infra);
    }
    let native_runs = NAMES.iter().any(|name| process::running(workspace, name).is_some());
    if ports.layout.is_plain() && !native_runs && !found_running(ports, &given).await && docker::answers() {
        docker::up(workspace, ports)?;
        for name in PLAIN_NAMES {
            wait_for(workspace, ports, name).await?;
        }
        s3::create_bucket(ports.s3)?;
        return Ok(infra);
    }
    process::start_until_alive(workspace, &NAMES, async || start_native(workspace, ports, &given).await).await?;
    Ok(infra)
}

async fn start_native(workspace: &Workspace, ports: &Ports, given: &Given) -> Result<()> {
    let mut started = Vec::new();
    // All begin before the first is waited for: Kafka alone takes longer than the others together.
    if given.kafka.is_none() && kafka::start(workspace, ports).await? == Started::Now {
        started.push(kafka::NAME);
    }
    if given.postgres.is_none() && postgres::start(workspace, ports).await? == Started::Now {
        started.push(postgres::NAME);
    }
    if given.redis.is_none() && redis::start(workspace, ports).await? == Started::Now {
        started.push(redis::NAME);
    }
    let s3 = given.s3.is_none().then(|| s3::start(workspace, ports));
    if given.redis.is_none() && ports.layout.redis_cluster {
        redis_cluster::up(workspace, ports).await?;
    }
    for name in started {
        wait_for(workspace, ports, name).await?;
    }
    if let Some(started) = s3
        && let Err(error) = finish_s3(workspace, ports, started).await
    {
        say!("without S3, so there are no posters: {error:#}");
    }
    Ok(())
}

async fn finish_s3(workspace: &Workspace, ports: &Ports, started: Result<Started>) -> Result<()> {
    if started? == Started::Now {
        wait_for(workspace, ports, s3::NAME).await?;
    }
    s3::create_bucket(ports.s3)
}

async fn wait_for(workspace: &Workspace, ports: &Ports, name: &str) -> Result<()> {
    let ready = async || match name {
        postgres::NAME => postgres::probe(ports.postgres).await,
        redis::NAME => redis::probe(ports.redis),
        s3::NAME => s3::probe(ports.s3),
        _ => kafka::probe_all(ports),
    };
    process::wait_until(workspace, name, START_PATIENCE, ready).await
}

/// Stops what this folder started; what another folder started keeps running.
pub(crate) fn down(workspace: &Workspace, ports: &Ports) -> Result<()> {
    for name in NAMES {
        // PostgreSQL would wait for its clients after SIGTERM; SIGINT ends them and shuts down cleanly.
        let signal = if name == postgres::NAME {
            Signal::Int
        } else {
            Signal::Term
        };
        for stopped in process::stop_all(workspace, &[name], signal)? {
            say!("stopped {stopped}");
        }
    }
    docker::down(workspace, ports)
}

/// Whether PostgreSQL, Redis, Kafka and S3 answer where they should be.
pub(crate) async fn answering(infra: &Infra) -> [bool; 4] {
    let postgres = postgres::connect(&infra.database_url("postgres")).await.is_ok();
    [
        postgres,
        is_reachable(&infra.redis),
        is_reachable(&infra.kafka),
        is_reachable(&infra.s3),
    ]
}

/// Names and versions of the servers, as far as they tell.
pub(crate) async fn versions(infra: &Infra) -> Vec<String> {
    let mut versions = Vec::new();
    if let Ok(server) = postgres::connect(&infra.database_url("postgres")).await
        && let Ok(row) = server.query_one("show server_version", &[]).await
    {
        versions.push(format!("PostgreSQL {}", row.get::<_, String>(0)));
    }
    if let Some(version) = redis::version(&infra.redis) {
        versions.push(format!("Redis {version}"));
    }
    versions.push(format!("Kafka {}", kafka::VERSION));
    versions
}

/// Addresses that were given are not ours to start; a wrong one is better named here than by six services.
async fn ensure_given_answer(given: &Given) -> Result<()> {
    if let Some(url) = &given.postgres {
        postgres::connect(&format!("{url}/postgres"))
            .await
            .context("TICKET_QUEUE_POSTGRES_URL")?;
    }
    for (variable, address) in [
        ("TICKET_QUEUE_REDIS_URL", &given.redis),
        ("TICKET_QUEUE_KAFKA", &given.kafka),
        ("TICKET_QUEUE_S3_URL", &given.s3),
    ] {
        if let Some(address) = address {
            ensure!(is_reachable(address), "{variable}: nothing answers at {address}");
        }
    }
    Ok(())
}

/// Whether one of an address's hosts and ports accepts connections.
pub(crate) fn is_reachable(address: &str) -> bool {
    address.split(',').any(|one| {
        let host_and_port = one.rsplit(['@', '/']).next().unwrap_or(one);
        let resolved = host_and_port.to_socket_addrs().into_iter().flatten();
        resolved
            .into_iter()
            .any(|address| TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_ok())
    })
}

/// Whether a server had to be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Started {
    /// By this run: it has to be waited for.
    Now,
    /// It answered already.
    Before,
}

/// Whether servers of ours, perhaps another clone's, answer on all ports that are not given.
async fn found_running(ports: &Ports, given: &Given) -> bool {
    let postgres = given.postgres.is_some() || postgres::probe(ports.postgres).await.is_ok();
    let redis = given.redis.is_some() || redis::probe(ports.redis).is_ok();
    let kafka = given.kafka.is_some() || kafka::probe_all(ports).is_ok();
    let s3 = given.s3.is_some() || s3::probe(ports.s3).is_ok();
    postgres && redis && kafka && s3
}

/// Tells a free port from one where a stranger listens, who must not be used and cannot be replaced.
fn ensure_free(port: u16, what: &str, why_not_ours: &anyhow::Error) -> Result<()> {
    if is_taken(port) {
        bail!(
            "port {port} is taken by something that is not the project's {what} ({why_not_ours:#}); \
             stop it, or choose other ports with --ports-from"
        );
    }
    Ok(())
}

/// Whether anything accepts connections on a local port.
pub(crate) fn is_taken(port: u16) -> bool {
    TcpStream::connect_timeout(&local(port), Duration::from_millis(300)).is_ok()
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
