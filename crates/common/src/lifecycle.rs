//! A service's life: configuration, start, work, graceful end. On SIGTERM or SIGINT readiness fails and the service drains:
//! it takes requests as before, but keeps no connection. Then the listener closes, running requests and workers get their
//! grace, and the process ends.

use crate::{
    config::{Env, ServerConfig},
    health::Health,
    live::LiveFiles,
    serving, telemetry, traces,
};
use anyhow::Context;
use axum::Router;
use futures_util::future::BoxFuture;
use std::{net::SocketAddr, time::Duration};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// How long recorded durations may pile up.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// How long a service drains at least. Replies that go out without "close" when it begins have arrived by then, and the next
/// requests on their connections with them.
const LEAST_DRAIN: Duration = Duration::from_millis(20);

/// Tells a worker to stop; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// A shutdown that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Resolves when the shutdown begins.
    pub async fn cancelled(&self) {
        self.0.cancelled().await;
    }

    /// Whether it has begun.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Begins it.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Waits for `duration`, or less if the shutdown begins; tells whether it has.
    pub async fn sleep(&self, duration: Duration) -> bool {
        tokio::time::timeout(duration, self.0.cancelled()).await.is_ok()
    }
}

/// Tells those who serve connections how far the end has come; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    draining: Shutdown,
    closing: Shutdown,
}

impl Ending {
    /// Resolves when connections are to be kept no longer.
    pub async fn draining(&self) {
        self.draining.cancelled().await;
    }

    /// Whether connections are kept no longer.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Resolves when no connection is taken any more and idle ones are to be closed.
    pub async fn closing(&self) {
        self.closing.cancelled().await;
    }

    /// Whether idle connections are to be closed.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }

    /// Begins the end.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    /// Closes.
    pub fn close(&self) {
        self.closing.cancel();
    }
}

/// The loops of a service. They are tracked: none outlives the service, and one that panics ends it, because a service
/// without its sweep or its relay looks alive and is not.
#[derive(Default)]
pub struct Workers {
    shutdown: Shutdown,
    ending: Ending,
    tasks: JoinSet<&'static str>,
}

impl Workers {
    /// No worker yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The signal that every worker gets.
    #[must_use]
    pub fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// The signal for replies without an end: no more requests are taken, and those that run should end soon. Workers go on
    /// until they have.
    #[must_use]
    pub fn closing(&self) -> Shutdown {
        self.ending.closing.clone()
    }

    /// Starts a worker. It must return soon after its [`Shutdown`] is cancelled.
    pub fn spawn<F>(&mut self, name: &'static str, work: impl FnOnce(Shutdown) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let future = work(self.shutdown.clone());
        self.tasks.spawn(async move {
            future.await;
            name
        });
    }

    /// Resolves when a worker ends by itself, which none should.
    async fn ended(&mut self) -> anyhow::Error {
        loop {
            match self.tasks.join_next().await {
                None => std::future::pending().await,
                Some(Ok(name)) if self.shutdown.is_cancelled() => tracing::debug!(worker.name = name, "worker ended"),
                Some(Ok(name)) => return anyhow::anyhow!("the worker {name} ended"),
                Some(Err(error)) => return anyhow::anyhow!("a worker failed: {error}"),
            }
        }
    }

    async fn stop(mut self, grace: Duration) {
        self.shutdown.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, all).await.is_err() {
            tracing::warn!("workers did not stop within their grace and are ended");
            self.tasks.shutdown().await;
        }
    }
}

/// Takes connections until the ending closes, then lets running requests end.
type Serve = Box<dyn FnOnce(TcpListener, Ending) -> BoxFuture<'static, ()> + Send>;

/// A built service: its port is bound, its workers run, it accepts nothing yet.
pub struct Application {
    listener: TcpListener,
    serve: Serve,
    workers: Workers,
    health: Health,
    files: LiveFiles,
    drain: Duration,
    grace: Duration,
}

impl Application {
    /// Binds the service's port.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub async fn bind(config: &ServerConfig, router: Router, health: Health, workers: Workers) -> anyhow::Result<Self> {
        let serve = |listener, ending| serving::router(listener, ending, router);
        Self::bind_with(config, serve, health, workers).await
    }

    /// As [`Application::bind`], for a service that serves its connections by itself. `serve` gets the listener, keeps no
    /// connection while the ending drains, closes the listener when the ending closes, and returns when the requests that
    /// run then have ended; it is dropped when their grace is over.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub async fn bind_with<F>(
        config: &ServerConfig,
        serve: impl FnOnce(TcpListener, Ending) -> F + Send + 'static,
        health: Health,
        workers: Workers,
    ) -> anyhow::Result<Self>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let address = (config.host.as_str(), config.port);
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("PORT: cannot listen on {}:{}", config.host, config.port))?;
        Ok(Self {
            listener,
            serve: Box::new(|listener, ending| Box::pin(serve(listener, ending))),
            workers,
            health,
            files: config.files.clone(),
            drain: config.shutdown_drain.max(LEAST_DRAIN),
            grace: config.shutdown_grace,
        })
    }

    /// Where it listens; tells the port when 0 was asked for.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` resolves, then ends gracefully.
    ///
    /// # Errors
    /// When a worker ended by itself; the process should end and be started anew.
    pub async fn run_until_stopped(mut self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let ending = self.workers.ending.clone();
        let mut serving = JoinSet::new();
        serving.spawn((self.serve)(self.listener, ending.clone()));
        self.workers.spawn("metrics", keep_metrics_small);
        if !self.files.is_empty() {
            self.workers.spawn("settings", |shutdown| self.files.follow(shutdown));
        }

        let failed = tokio::select! {
            () = stop => None,
            error = self.workers.ended() => Some(error),
        };
        self.health.drain();
        ending.drain();
        if failed.is_none() {
            tracing::info!(drain.seconds = self.drain.as_secs_f64(), "the service drains");
            tokio::time::sleep(self.drain).await;
        }
        ending.close();
        if tokio::time::timeout(self.grace, serving.join_next()).await.is_err() {
            tracing::warn!("requests did not end within their grace and are cut");
        }
        self.workers.stop(self.grace).await;
        failed.map_or(Ok(()), Err)
    }
}

/// Recorded durations pile up until they are summed, which otherwise happens only when somebody asks for them.
async fn keep_metrics_small(shutdown: Shutdown) {
    while !shutdown.sleep(METRICS_UPKEEP).await {
        telemetry::metrics().run_upkeep();
    }
}

/// Serves as the process's environment says, until the process is told to stop.
pub(crate) async fn serve<F>(name: &'static str, build: impl FnOnce(Env) -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<Application>>,
{
    let env = Env::from_process()?;
    telemetry::init(&env)?;
    traces::init(name, &env)?;
    telemetry::metrics();
    install_tls_provider();
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(error.message = %error, "the limit of open files stays as low as it was");
    }
    let application = build(env).await?;
    tracing::info!(service.name = name, server.address = %application.local_addr()?, "the service is up");
    application.run_until_stopped(stop_signal()?).await?;
    tracing::info!(service.name = name, "the service has stopped");
    Ok(())
}

/// Chooses ring for TLS; `reqwest` and `rustls` are built without a provider of their own.
pub fn install_tls_provider() {
    // It fails only if it is installed already.
    let _installed = rustls::crypto::ring::default_provider().install_default();
}

fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
