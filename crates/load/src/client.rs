//! A lean HTTP/1.1 client for many virtual buyers: they share a bounded number of kept connections, because tens of
//! thousands of sockets would be the load's cost and not the system's.
//!
//! It shares the machine with what it measures, so it does nothing that is not needed: no redirects, no cookies, no TLS, no
//! task per connection. Latencies are counted from the moment a request was *due* ([`Call::due`]), including the wait for a
//! free connection: a system that stalls cannot hide the requests that it kept from being sent.

mod call;
mod stream;
mod wire;

use crate::recorder::Recorder;
use anyhow::Context;
pub use call::{Call, Reply};
use std::{
    io,
    net::{SocketAddr, ToSocketAddrs},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
pub use stream::{Event, Stream};
use tokio::{sync::Semaphore, time::timeout};
use wire::Wire;

/// Longer than anything the gateway lets a request take.
const PATIENCE: Duration = Duration::from_secs(75);

/// Connections to one address, and where the latencies of its calls are written down. Cheap to share in an [`Arc`].
pub struct Client {
    address: SocketAddr,
    idle: Mutex<Vec<Wire>>,
    permits: Semaphore,
    recorder: Arc<Recorder>,
}

impl Client {
    /// `url` is `http://host:port`; at most `connections` are open at once, streams not counted.
    ///
    /// # Errors
    /// When the address cannot be read.
    pub fn new(url: &str, connections: usize, recorder: Arc<Recorder>) -> anyhow::Result<Self> {
        let host = url
            .strip_prefix("http://")
            .with_context(|| format!("{url} is not http://…"))?;
        let address = host
            .trim_end_matches('/')
            .to_socket_addrs()
            .with_context(|| format!("{url} has no address"))?
            .next()
            .with_context(|| format!("{url} has no address"))?;
        Ok(Self {
            address,
            idle: Mutex::default(),
            permits: Semaphore::new(connections),
            recorder,
        })
    }

    /// Where the latencies are.
    #[must_use]
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Sends a request and reads its reply, whatever its status.
    ///
    /// # Errors
    /// When there was no reply. Nobody knows then whether the request took effect.
    pub async fn send(&self, call: Call<'_>) -> io::Result<Reply> {
        let (endpoint, due) = (call.endpoint, call.due);
        let outcome = self.exchange(&call).await;
        match &outcome {
            Ok(reply) => self.recorder.reply(endpoint, reply.status, reply.code(), due.elapsed()),
            Err(error) => self.recorder.lost(endpoint, error.kind(), due.elapsed()),
        }
        outcome
    }

    /// Sends a request and hangs up before its reply can come: the buyer's train enters a tunnel. Not recorded.
    ///
    /// # Errors
    /// When it could not even be sent.
    pub async fn send_and_hang_up(&self, call: Call<'_>, after: Duration) -> io::Result<()> {
        let _permit = self.permits.acquire().await.map_err(io::Error::other)?;
        let mut wire = Wire::open(self.address).await?;
        wire.write(&call.head(self.address)).await?;
        tokio::time::sleep(after).await;
        Ok(())
    }

    /// Opens a stream of server-sent events on a connection of its own; a refusal is given as the reply it is.
    ///
    /// # Errors
    /// When there was no reply.
    pub async fn open_stream(&self, call: Call<'_>) -> io::Result<Result<Stream, Reply>> {
        let (endpoint, due) = (call.endpoint, call.due);
        let opened = timeout(PATIENCE, Stream::open(self.address, &call)).await;
        let opened = opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        match &opened {
            Ok(Ok(_)) => self.recorder.reply(endpoint, 200, None, due.elapsed()),
            Ok(Err(reply)) => self.recorder.reply(endpoint, reply.status, reply.code(), due.elapsed()),
            Err(error) => self.recorder.lost(endpoint, error.kind(), due.elapsed()),
        }
        opened
    }

    async fn exchange(&self, call: &Call<'_>) -> io::Result<Reply> {
        // Waiting for a connection is no failure, however long: nothing was sent that could be lost.
        let _permit = self.permits.acquire().await.map_err(io::Error::other)?;
        let outcome = timeout(PATIENCE, self.talk(call)).await;
        outcome.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    async fn talk(&self, call: &Call<'_>) -> io::Result<Reply> {
        let request = call.head(self.address);
        let mut wire = match self.kept() {
            Some(wire) => wire,
            None => Wire::open(self.address).await?,
        };
        wire.write(&request).await?;
        let reply = wire.read_reply().await?;
        if wire.is_reusable() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(wire);
        }
        Ok(reply)
    }

    /// A kept connection that the other side has not closed meanwhile.
    fn kept(&self) -> Option<Wire> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(wire) = idle.pop() {
            if wire.is_open() {
                return Some(wire);
            }
        }
        None
    }
}
