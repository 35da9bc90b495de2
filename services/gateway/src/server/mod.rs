//! The gateway's own serve loop: limits on connections, time limits on heads and idle connections, graceful end.

mod framing;
mod head_guard;

use crate::{config::ConnectionConfig, pipeline::Gateway};
use common::lifecycle::Shutdown;
use head_guard::{HeadGuard, HeadWatch};
use http::{
    HeaderValue,
    header::{CONNECTION, TRANSFER_ENCODING},
};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};

/// How long to wait when no more connections can be taken, for want of file descriptors for instance.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves connections until the shutdown begins, then lets running requests end.
pub(crate) async fn serve(listener: TcpListener, closing: Shutdown, gateway: Arc<Gateway>, config: ConnectionConfig) {
    let graceful = GracefulShutdown::new();
    let server = Server {
        gateway,
        config,
        http: http(config),
    };
    let mut connections = JoinSet::new();
    let slots = Arc::new(Semaphore::new(config.max));
    loop {
        let next = next_connection(&listener, &slots);
        tokio::select! {
            (stream, peer, slot) = next => {
                connections.spawn(server.clone().connection(stream, peer, slot, graceful.watcher()));
            }
            // Ended connections are taken out as they end, so that their results do not pile up.
            Some(ended) = connections.join_next() => log_panic(ended),
            () = closing.cancelled() => break,
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

fn http(config: ConnectionConfig) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        // hyper counts from the end of the last request; the head's own, shorter limit is the guard's.
        .header_read_timeout(config.idle_timeout)
        .max_header_size(config.max_head_bytes)
        .max_buf_size(config.max_head_bytes)
        .half_close(false);
    http
}

/// The next connection, once there is room for it.
async fn next_connection(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so there is always a slot in the end.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, slot),
            Err(error) => {
                tracing::warn!(error.message = %error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(error.message = %error, "a connection's task failed");
    }
}

#[derive(Clone)]
struct Server {
    gateway: Arc<Gateway>,
    config: ConnectionConfig,
    http: http1::Builder,
}

impl Server {
    async fn connection(
        self,
        stream: TcpStream,
        peer: SocketAddr,
        slot: Option<OwnedSemaphorePermit>,
        watcher: Watcher,
    ) {
        let open = metrics::gauge!("gateway_connections_open");
        open.increment(1.0);
        // It only saves latency, so a socket that refuses is served all the same.
        let _set = stream.set_nodelay(true);
        let watch = HeadWatch::default();
        let guard = HeadGuard::new(stream, watch.clone(), self.config.head_timeout);
        let service = service_fn(|request| {
            let (gateway, watch) = (&self.gateway, &watch);
            watch.head_complete();
            let chunked = request.headers().contains_key(TRANSFER_ENCODING);
            async move {
                let mut reply = gateway.handle(request, peer).await;
                if chunked {
                    // What comes behind such a body was not looked at (see `framing`).
                    reply
                        .headers_mut()
                        .insert(CONNECTION, HeaderValue::from_static("close"));
                }
                watch.awaiting_head();
                Ok::<_, Infallible>(reply)
            }
        });
        let connection = self.http.serve_connection(TokioIo::new(guard), service);
        if let Err(error) = watcher.watch(connection).await {
            // Clients that leave or speak no HTTP are no event; who looks for them turns on this level.
            tracing::debug!(error.message = %error, "a connection ended early");
        }
        open.decrement(1.0);
        drop(slot);
    }
}
