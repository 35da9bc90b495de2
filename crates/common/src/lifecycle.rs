//! A service's life: configuration, start, work, graceful end. On SIGTERM or SIGINT readiness fails, the listener closes,
//! running requests and workers get their grace, then the process ends.

use crate::{
    config::{Env, ServerConfig},
    health::Health,
    telemetry,
};
use anyhow::Context;
use axum::Router;
use futures_util::future::BoxFuture;
use std::{net::SocketAddr, process::ExitCode, time::Duration};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// How long recorded durations may pile up.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

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

/// The loops of a service. They are tracked: none outlives the service, and one that panics ends it, because a service
/// without its sweep or its relay looks alive and is not.
#[derive(Default)]
pub struct Workers {
    shutdown: Shutdown,
    closing: Shutdown,
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
        self.closing.clone()
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

/// Takes connections until the shutdown begins, then lets running requests end.
type Serve = Box<dyn FnOnce(TcpListener, Shutdown) -> BoxFuture<'static, ()> + Send>;

/// A built service: its port is bound, its workers run, it accepts nothing yet.
pub struct Application {
    listener: TcpListener,
    serve: Serve,
    workers: Workers,
    health: Health,
    grace: Duration,
}

impl Application {
    /// Binds the service's port.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub async fn bind(config: &ServerConfig, router: Router, health: Health, workers: Workers) -> anyhow::Result<Self> {
        let serve = |listener, closing: Shutdown| async move {
            let make_service = router.into_make_service_with_connect_info::<SocketAddr>();
            let server =
                axum::serve(listener, make_service).with_graceful_shutdown(async move { closing.cancelled().await });
            if let Err(error) = server.await {
                tracing::error!(error.message = %error, "serving failed");
            }
        };
        Self::bind_with(config, serve, health, workers).await
    }

    /// As [`Application::bind`], for a service that serves its connections by itself. `serve` gets the listener, closes it
    /// when the shutdown begins, and returns when the requests that run then have ended; it is dropped when their grace
    /// is over.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub async fn bind_with<F>(
        config: &ServerConfig,
        serve: impl FnOnce(TcpListener, Shutdown) -> F + Send + 'static,
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
            serve: Box::new(|listener, closing| Box::pin(serve(listener, closing))),
            workers,
            health,
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
        let closing = self.workers.closing();
        let mut serving = JoinSet::new();
        serving.spawn((self.serve)(self.listener, closing.clone()));
        self.workers.spawn("metrics", keep_metrics_small);

        let failed = tokio::select! {
            () = stop => None,
            error = self.workers.ended() => Some(error),
        };
        self.health.drain();
        closing.cancel();
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

/// The whole `main` of a service.
pub async fn run<F>(name: &'static str, build: impl FnOnce(Env) -> F) -> ExitCode
where
    F: Future<Output = anyhow::Result<Application>>,
{
    match run_inner(name, build).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The logger may be what failed, so the reason goes to standard error as well.
            tracing::error!(service.name = name, error.message = %format!("{error:#}"), "the service ends");
            eprintln!("{name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run_inner<F>(name: &'static str, build: impl FnOnce(Env) -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<Application>>,
{
    let env = Env::from_process()?;
    telemetry::init(&env)?;
    telemetry::metrics();
    install_tls_provider();
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
