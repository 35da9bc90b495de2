//! One thread per core, each with a runtime, connections to Redis and to the services of its own. A connection stays on its
//! thread, so nothing of a request is passed between cores, and what the requests of one turn of the thread ask of Redis goes
//! out in one write.

use common::serving::{self, Accepted};
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
    task::JoinSet,
};

/// The threads. They end when this is dropped, and cut what they still serve.
pub(super) struct Shards {
    queues: Vec<mpsc::UnboundedSender<Job>>,
    next: AtomicUsize,
}

/// A connection on its way to its thread.
struct Job {
    stream: std::net::TcpStream,
    peer: SocketAddr,
    /// Dropped at the connection's end.
    served: oneshot::Sender<()>,
}

impl Shards {
    /// Starts a thread per core that serves its connections by what `make` makes for it.
    ///
    /// # Errors
    /// When `make` has none, or the system gives no thread.
    pub(super) fn start<S, F>(make: impl Fn() -> anyhow::Result<S>) -> anyhow::Result<Self>
    where
        S: Fn(TcpStream, SocketAddr) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let queues = (0..cores).map(|_| Ok(start_one(make()?)?));
        Ok(Self {
            queues: queues.collect::<anyhow::Result<_>>()?,
            next: AtomicUsize::new(0),
        })
    }

    /// Serves a connection on the next thread, until it has ended.
    pub(super) async fn serve(self: Arc<Self>, accepted: Accepted) {
        // The rest of it, its place among the others, is held until this returns.
        let Accepted { stream, peer, .. } = accepted;
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let (Some(queue), Ok(stream)) = (self.queues.get(turn % self.queues.len()), stream.into_std()) else {
            return;
        };
        let (served, end) = oneshot::channel();
        let _sent = queue.send(Job { stream, peer, served });
        let _ended = end.await;
    }
}

fn start_one<S, F>(serve: S) -> io::Result<mpsc::UnboundedSender<Job>>
where
    S: Fn(TcpStream, SocketAddr) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let (queue, mut jobs) = mpsc::unbounded_channel::<Job>();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let work = async move {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                job = jobs.recv() => {
                    let Some(Job { stream, peer, served }) = job else { return };
                    let Ok(stream) = TcpStream::from_std(stream) else { continue };
                    let serving = serve(stream, peer);
                    connections.spawn(async move {
                        serving.await;
                        drop(served);
                    });
                }
                Some(ended) = connections.join_next() => serving::log_panic(ended),
            }
        }
    };
    thread::Builder::new()
        .name("shard".to_owned())
        .spawn(move || runtime.block_on(work))?;
    Ok(queue)
}
