use axum::Router;
use common::{
    config::ServerConfig,
    health::Health,
    lifecycle::{Application, Shutdown, Workers},
    live::LiveFiles,
};
use std::{net::SocketAddr, time::Duration};
use tokio::task::JoinHandle;

/// A service that runs in this process until it is stopped or dropped.
pub struct Running {
    address: SocketAddr,
    shutdown: Shutdown,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    /// Serves a built application, whose port may be 0.
    ///
    /// # Panics
    /// When its socket is gone.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the task is kept, and ended when this is dropped"
    )]
    pub fn start(application: Application) -> Self {
        let address = application.local_addr().expect("a bound application has an address");
        let shutdown = Shutdown::new();
        let stop = shutdown.clone();
        let task = tokio::spawn(application.run_until_stopped(async move { stop.cancelled().await }));
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], address.port())),
            shutdown,
            task,
        }
    }

    /// Serves a neighbour's stand-in on a port of its own.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn serve(router: Router) -> Self {
        let config = ServerConfig {
            host: "127.0.0.1".to_owned(),
            port: 0,
            shutdown_grace: Duration::from_secs(1),
            shutdown_drain: Duration::ZERO,
            files: LiveFiles::default(),
        };
        let application = Application::bind(&config, router, Health::new(), Workers::new())
            .await
            .expect("some port is free");
        Self::start(application)
    }

    /// Its base address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it gracefully.
    ///
    /// # Panics
    /// When it ended with an error, which is a failed test.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        (&mut self.task)
            .await
            .expect("the service must not panic")
            .expect("the service must end without an error");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
        self.task.abort();
    }
}
