//! Serving connections so that the end of a process cuts no request.
//!
//! While the [`Ending`] drains, connections and requests are taken as ever, but each reply closes its connection. When it
//! closes, what the kernel had accepted is still taken, the listener closes, idle connections close once nothing is left to
//! read on them, and running requests end. One moment remains that no HTTP/1.1 server can rule out: a request that is on its
//! way while an idle connection closes. Draining makes it rare, because who sends often has left by then.

use crate::lifecycle::{Ending, Shutdown};
use axum::{Router, body::Body};
use http::{HeaderValue, Request, Response, header::CONNECTION};
use hyper::{
    body::{Body as HttpBody, Incoming},
    rt::{Read, Write},
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::rt::TokioIo;
use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{JoinError, JoinSet},
};
use tower::ServiceExt;

/// How long to wait when no more connections can be taken, for want of file descriptors for instance.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a connection that came at the last moment may take until its request is there.
const LAST_REQUEST: Duration = Duration::from_secs(1);
/// How long an idle connection is still listened to, because the kernel may know of a request that we do not yet.
const LAST_LOOK: Duration = Duration::from_millis(5);
/// The kernel keeps no longer queue for us.
const BACKLOG: usize = 1024;

/// A connection as it was accepted; its place among the others is free again when this is dropped.
#[derive(Debug)]
pub struct Accepted {
    /// The connection.
    pub stream: TcpStream,
    /// Who has opened it.
    pub peer: SocketAddr,
    _place: Option<OwnedSemaphorePermit>,
}

/// Takes connections, at most `max` at once, until the ending closes, and returns when all have ended.
pub async fn accept<F>(listener: TcpListener, ending: &Ending, max: usize, connection: impl Fn(Accepted) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS)));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = next(&listener, &places) => {
                connections.spawn(connection(accepted));
            }
            // Ended connections are taken out as they end, so that their results do not pile up.
            Some(ended) = connections.join_next() => log_panic(ended),
            () = ending.closing() => break,
        }
    }
    for (stream, peer) in backlog(listener) {
        connections.spawn(connection(Accepted {
            stream,
            peer,
            _place: None,
        }));
    }
    while let Some(ended) = connections.join_next().await {
        log_panic(ended);
    }
}

/// The next connection, once there is room for it.
async fn next(listener: &TcpListener, places: &Arc<Semaphore>) -> Accepted {
    // The semaphore is never closed, so there is always a place in the end.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                return Accepted {
                    stream,
                    peer,
                    _place: place,
                };
            }
            Err(error) => {
                tracing::warn!(error.message = %error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The connections that the kernel has made and nobody has taken yet: with the listener they would be reset.
fn backlog(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let Ok(listener) = listener.into_std() else {
        return Vec::new();
    };
    let waiting = std::iter::from_fn(|| {
        let (stream, peer) = listener.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, peer))
    });
    waiting.take(BACKLOG).collect()
}

/// Logs that a connection's task has panicked, if it has.
pub fn log_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(error.message = %error, "a connection's task failed");
    }
}

/// Runs an HTTP/1.1 connection to its end.
///
/// # Errors
/// When the client leaves early or speaks no HTTP.
async fn http1<I, S, B>(http: &http1::Builder, io: I, service: S, ending: &Ending) -> hyper::Result<()>
where
    I: Read + Write + Unpin,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    B: HttpBody + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // Cancelled by the first request.
    let spoken = Shutdown::new();
    let service = service_fn(|request| {
        if !spoken.is_cancelled() {
            spoken.cancel();
        }
        let replying = service.call(request);
        async move {
            let Ok(mut reply) = replying.await;
            if ending.is_draining() {
                reply
                    .headers_mut()
                    .insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(reply)
        }
    });
    let mut connection = pin!(http.serve_connection(io, service));
    let last_chance = async {
        ending.closing().await;
        if !spoken.is_cancelled() {
            let _spoken = tokio::time::timeout(LAST_REQUEST, spoken.cancelled()).await;
        }
        tokio::time::sleep(LAST_LOOK).await;
    };
    tokio::select! {
        // In this order: hyper closes an idle connection without looking whether a request has come.
        biased;
        ended = connection.as_mut() => return ended,
        () = last_chance => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// Serves a router's connections until the ending closes and all have ended.
pub(crate) async fn router(listener: TcpListener, ending: Ending, router: Router) {
    let connection = |accepted: Accepted| {
        let (router, ending) = (router.clone(), ending.clone());
        async move {
            let Accepted { stream, _place, .. } = accepted;
            // It only saves latency, so a socket that refuses is served all the same.
            let _set = stream.set_nodelay(true);
            let service = service_fn(|request: Request<Incoming>| router.clone().oneshot(request.map(Body::new)));
            if let Err(error) = http1(&http1::Builder::new(), TokioIo::new(stream), service, &ending).await {
                tracing::debug!(error.message = %error, "a connection ended early");
            }
        }
    };
    accept(listener, &ending, Semaphore::MAX_PERMITS, connection).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    async fn start() -> (SocketAddr, Ending, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ending = Ending::default();
        let app = Router::new().route("/", get(|| async { "hello" }));
        let mut serving = JoinSet::new();
        serving.spawn(router(listener, ending.clone(), app));
        (address, ending, serving)
    }

    async fn ask(stream: &mut TcpStream) -> String {
        stream.write_all(GET).await.unwrap();
        let mut reply = vec![0; 1000];
        let read = stream.read(&mut reply).await.unwrap();
        String::from_utf8_lossy(&reply[..read]).to_lowercase()
    }

    #[tokio::test]
    async fn while_it_drains_each_reply_closes_its_connection_and_new_ones_are_taken() {
        let (address, ending, mut serving) = start().await;
        let mut kept = TcpStream::connect(address).await.unwrap();
        assert!(!ask(&mut kept).await.contains("connection: close"));
        ending.drain();
        assert!(ask(&mut kept).await.contains("connection: close"));
        let mut new = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut new).await.contains("connection: close"));
        ending.close();
        serving.join_next().await.unwrap().unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn what_was_connected_or_sent_before_it_closes_is_answered() {
        for round in 0..20 {
            let (address, ending, mut serving) = start().await;
            let mut kept = TcpStream::connect(address).await.unwrap();
            ask(&mut kept).await;
            // Nothing of this has been looked at when the listener closes: the runtime of this test has one thread.
            let mut late = std::net::TcpStream::connect(address).unwrap();
            std::io::Write::write_all(&mut late, &GET[..9]).unwrap();
            let kept = kept.into_std().unwrap();
            std::io::Write::write_all(&mut &kept, GET).unwrap();
            ending.drain();
            ending.close();
            tokio::task::yield_now().await;
            std::io::Write::write_all(&mut late, &GET[9..]).unwrap();
            for stream in [kept, late] {
                stream.set_nonblocking(true).unwrap();
                let mut reply = String::new();
                let mut stream = TcpStream::from_std(stream).unwrap();
                stream.read_to_string(&mut reply).await.unwrap();
                assert!(reply.ends_with("hello"), "round {round}: {reply:?}");
            }
            serving.join_next().await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn idle_connections_do_not_hold_up_the_end() {
        let (address, ending, mut serving) = start().await;
        let mut kept = TcpStream::connect(address).await.unwrap();
        ask(&mut kept).await;
        ending.drain();
        ending.close();
        let ended = tokio::time::timeout(Duration::from_secs(10), serving.join_next()).await;
        ended.expect("the idle connection is closed").unwrap().unwrap();
        assert_eq!(kept.read(&mut [0; 8]).await.unwrap(), 0);
    }
}
