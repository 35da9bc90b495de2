//! What is measured, and what all of them share: upstream, Redis, users.

use crate::{
    CONNECTIONS,
    load::{Connection, closed_loop},
    process::{Process, free_port},
};
use anyhow::Context;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use common::{
    Clock,
    config::Env,
    identity::Role,
    jwt::{JwtConfig, TokenIssuer},
};
use std::{
    ffi::OsString,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Verifies the tokens at all who verify.
pub(crate) const JWT_SECRET: &str = "bench-only-jwt-secret-0123456789abcdef";
const USERS: usize = 200;
const PATH: &str = "/users/me";
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// What all targets share.
pub(crate) struct Setting {
    pub(crate) upstream: u16,
    pub(crate) redis: u16,
    collector: u16,
    pub(crate) folder: PathBuf,
    _processes: [Process; 3],
}

/// Something that is measured.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// Whether it is slow at first.
    pub(crate) needs_warm_up: bool,
    address: SocketAddr,
    processes: Vec<Process>,
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

impl Setting {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let (upstream, redis, collector) = (free_port()?, free_port()?, free_port()?);
        let mut service = Command::new(std::env::current_exe()?);
        service.args(["upstream", &upstream.to_string()]);
        let mut server = Command::new("redis-server");
        server.args([
            "--port",
            &redis.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        let mut traces = Command::new(std::env::current_exe()?);
        traces.args(["collector", &collector.to_string()]);
        let processes = [
            Process::beside(&service)?,
            Process::beside(&server)?,
            Process::beside(&traces)?,
        ];
        answers(local(upstream), "/").await?;
        let folder = std::env::temp_dir().join(format!("gateway-bench-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Self {
            upstream,
            redis,
            collector,
            folder,
            _processes: processes,
        })
    }

    /// Where the upstream listens.
    pub(crate) fn upstream_address(&self) -> SocketAddr {
        local(self.upstream)
    }

    /// One request of each user.
    pub(crate) fn requests(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        let issuer = issuer()?;
        (0..USERS).map(|_| request(&issuer, PATH)).collect()
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        let _removed = fs::remove_dir_all(&self.folder);
    }
}

impl Target {
    /// The gateway, as production runs it but for the limits' height.
    pub(crate) async fn gateway(setting: &Setting) -> anyhow::Result<Self> {
        Self::gateway_with("gateway", setting, &[]).await
    }

    /// The same with a tenth of all requests recorded, which is the default, and sent to a collector.
    pub(crate) async fn traced_gateway(setting: &Setting) -> anyhow::Result<Self> {
        let collector = format!("http://127.0.0.1:{}", setting.collector);
        let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.as_str())];
        Self::gateway_with("gateway with traces", setting, &settings).await
    }

    async fn gateway_with(name: &'static str, setting: &Setting, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(installed("TICKET_QUEUE_GATEWAY")?);
        let upstream = format!("http://127.0.0.1:{}", setting.upstream);
        for service in ["USER", "EVENT", "QUEUE", "RESERVATION", "PAYMENT"] {
            command.env(format!("{service}_SERVICE_URL"), &upstream);
        }
        command
            .env("HOST", "127.0.0.1")
            .env("PORT", port.to_string())
            .env("REDIS_URL", format!("redis://127.0.0.1:{}/0", setting.redis))
            .env("JWT_SECRET", JWT_SECRET)
            .env("RATE_LIMIT_PROFILE", "loadtest")
            .envs(settings.iter().copied());
        Self::start(name, port, "/health/ready", vec![Process::measured(&command)?]).await
    }

    async fn start(name: &'static str, port: u16, ready: &str, processes: Vec<Process>) -> anyhow::Result<Self> {
        let address = local(port);
        answers(address, ready)
            .await
            .with_context(|| format!("{name} did not start"))?;
        Ok(Self {
            name,
            needs_warm_up: false,
            address,
            processes,
        })
    }

    /// nginx that passes everything on.
    pub(crate) async fn nginx(setting: &Setting) -> anyhow::Result<Self> {
        let port = free_port()?;
        let nginx = nginx(setting, include_str!("peers/nginx.conf"), "nginx.conf", port, 0)?;
        Self::start("nginx proxy_pass", port, PATH, vec![nginx]).await
    }

    /// nginx that asks a checker about each request; both are measured.
    pub(crate) async fn nginx_with_checker(setting: &Setting) -> anyhow::Result<Self> {
        let (port, checker) = (free_port()?, free_port()?);
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["checker", &checker.to_string(), &setting.redis.to_string()]);
        let mut processes = vec![Process::measured(&command)?];
        let text = include_str!("peers/nginx_auth.conf");
        processes.push(nginx(setting, text, "nginx-auth.conf", port, checker)?);
        Self::start("nginx auth_request", port, PATH, processes).await
    }

    /// Envoy that verifies the token, and no more.
    pub(crate) async fn envoy(setting: &Setting) -> anyhow::Result<Self> {
        let port = free_port()?;
        let file = setting.folder.join("envoy.json");
        let text = include_str!("peers/envoy.json")
            .replace("@PORT@", &port.to_string())
            .replace("@UPSTREAM@", &setting.upstream.to_string())
            .replace("@KEY@", &BASE64_URL_SAFE_NO_PAD.encode(JWT_SECRET));
        fs::write(&file, text)?;
        let mut command = Command::new(installed("TICKET_QUEUE_ENVOY")?);
        command.arg("--config-path").arg(&file).args([
            "--concurrency",
            "1",
            "--disable-hot-restart",
            "--log-level",
            "error",
        ]);
        Self::start("Envoy jwt_authn", port, PATH, vec![Process::measured(&command)?]).await
    }

    /// Spring Cloud Gateway with the same filters.
    pub(crate) async fn spring(setting: &Setting) -> anyhow::Result<Self> {
        let port = free_port()?;
        let folder = PathBuf::from(installed("TICKET_QUEUE_SPRING")?);
        let classes = format!("{0}/classes:{0}/libs/*", folder.display());
        let mut command = Command::new("java");
        command
            .args(["-Xms512m", "-Xmx512m", "-Xmn320m", "-XX:+UseParallelGC"])
            .args(["-Dreactor.netty.ioWorkerCount=1", "-cp", &classes, "peer.Gateway"])
            .arg(format!("--server.port={port}"))
            .arg(format!("--spring.data.redis.port={}", setting.redis))
            .args(["--logging.level.root=warn", "--spring.main.banner-mode=off"])
            .env("UPSTREAM", format!("http://127.0.0.1:{}", setting.upstream))
            .env("JWT_SECRET", JWT_SECRET)
            .env("GCRA", include_str!("../../lua/gcra.lua"));
        let processes = vec![Process::measured(&command)?];
        let target = Self::start("Spring Cloud Gateway", port, PATH, processes).await?;
        Ok(Self {
            needs_warm_up: true,
            ..target
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Memory in MiB.
    pub(crate) fn memory(&self) -> f64 {
        self.processes.iter().map(Process::memory).sum()
    }

    fn cpu_time(&self) -> Duration {
        self.processes.iter().map(Process::cpu_time).sum()
    }

    /// Requests per second, and microseconds of CPU per request.
    pub(crate) async fn measure(&self, requests: &Arc<Vec<Vec<u8>>>, turn: Duration) -> anyhow::Result<(f64, f64)> {
        let before = self.cpu_time();
        let done = closed_loop(self.address, CONNECTIONS, requests, turn)
            .await
            .with_context(|| self.name)?;
        let spent = self.cpu_time().saturating_sub(before);
        Ok((done.per_second(), spent.as_secs_f64() * 1e6 / done.requests as f64))
    }
}

fn nginx(setting: &Setting, text: &str, name: &str, port: u16, checker: u16) -> anyhow::Result<Process> {
    let file = setting.folder.join(name);
    let text = text
        .replace("@PORT@", &port.to_string())
        .replace("@UPSTREAM@", &setting.upstream.to_string())
        .replace("@CHECKER@", &checker.to_string())
        .replace("@FOLDER@", &setting.folder.to_string_lossy());
    fs::write(&file, text)?;
    let mut command = Command::new(installed("TICKET_QUEUE_NGINX")?);
    command.arg("-c").arg(&file).arg("-p").arg(&setting.folder);
    Process::measured(&command)
}

/// A program that `cargo xtask bench` found or fetched.
fn installed(variable: &str) -> anyhow::Result<OsString> {
    std::env::var_os(variable).with_context(|| format!("{variable} names nothing"))
}

/// Waits until a good request is answered well there.
async fn answers(address: SocketAddr, path: &str) -> anyhow::Result<()> {
    let request = request(&issuer()?, path)?;
    let deadline = Instant::now() + READY_TIMEOUT;
    loop {
        let tried = async { Connection::open(address).await?.call(&request).await };
        match tried.await {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

fn issuer() -> anyhow::Result<TokenIssuer> {
    let config = JwtConfig::from_env(&Env::from_pairs([("JWT_SECRET", JWT_SECRET)])?)?;
    Ok(TokenIssuer::new(config, Clock::system()))
}

/// A request of another user each time.
fn request(issuer: &TokenIssuer, path: &str) -> anyhow::Result<Vec<u8>> {
    let (token, _) = issuer.issue(Uuid::now_v7(), Role::User, Uuid::now_v7())?;
    let text = format!(
        "GET {path} HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: bench/1\r\nAccept: application/json\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    );
    Ok(text.into_bytes())
}
