use crate::town::Part;
use common::{config::Env, lifecycle::Shutdown};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinHandle,
};

/// A running service with threads of its own, as a process has: a crowd's own work does not stand in line before the
/// service's, and what dies dies with everything it has begun.
pub(crate) struct House {
    /// Taken when it ends.
    runtime: Option<Runtime>,
    closing: Shutdown,
    living: JoinHandle<anyhow::Result<()>>,
}

impl House {
    /// Fails when the port is taken, for one.
    pub(crate) async fn open(part: Part, env: Env) -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name(format!("{part:?}"))
            .enable_all()
            .build()?;
        let building = runtime.spawn(async move { Box::pin(part.build(&env)).await });
        let application = match building.await? {
            Ok(application) => application,
            Err(error) => {
                runtime.shutdown_background();
                return Err(error);
            }
        };
        let closing = Shutdown::new();
        let closed = closing.clone();
        let living = runtime.spawn(application.run_until_stopped(async move { closed.cancelled().await }));
        Ok(Self {
            runtime: Some(runtime),
            closing,
            living,
        })
    }

    /// Ends it gracefully; an error is a failed test.
    pub(crate) async fn close(mut self) {
        self.closing.cancel();
        (&mut self.living).await.unwrap().unwrap();
    }
}

impl Drop for House {
    /// Everything that runs is dropped at its next await. A runtime must not be dropped within another one.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
