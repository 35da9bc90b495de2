//! HTTP/2, over TLS only. A client that speaks it can have many requests on one connection, so limits hold per connection and
//! per stream: of streams, of heads, of resets (which hyper counts), of what is buffered, and of waiting.

use super::head::{BadHead, MAX_FIELDS};
use crate::{
    body::{Inbound, ReplyBody},
    config::ConnectionConfig,
    pipeline::Gateway,
};
use bytes::Bytes;
use common::lifecycle::Ending;
use http::{HeaderMap, Request, Response, header};
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    rt::Executor,
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::Instant,
};

const MAX_STREAMS: u32 = 100;
/// What a client may send ahead of us, on one stream and on all of them.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// What we keep of a reply for a client that does not take it.
const SEND_BUFFER: usize = 64 * 1024;
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a client may take to answer our farewell once it has no request left.
const FAREWELL: Duration = Duration::from_secs(5);

/// Serves a connection until it ends, its client is too idle, or the gateway ends.
pub(super) async fn serve(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    gateway: Arc<Gateway>,
    ending: &Ending,
) -> hyper::Result<()> {
    let config = gateway.config().connections.clone();
    let (running, mut streams) = watch::channel(Streams::default());
    let streaming = Streaming {
        running: Arc::new(running),
        stall_timeout: config.stall_timeout,
    };
    let service = service_fn(move |request| {
        let gateway = Arc::clone(&gateway);
        async move { Ok::<_, Infallible>(answer(&gateway, request, peer).await) }
    });
    let http = http(&config, streaming);
    let mut connection = pin!(http.serve_connection(TokioIo::new(io), service));
    tokio::select! {
        biased;
        ended = connection.as_mut() => return ended,
        () = time_to_leave(&mut streams, ending, &config) => connection.as_mut().graceful_shutdown(),
    }
    let farewell = async {
        // The sender lives as long as the connection.
        drop(streams.wait_for(|streams| streams.open == 0).await);
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        biased;
        ended = connection => ended,
        () = farewell => Ok(()),
    }
}

fn http(config: &ConnectionConfig, streaming: Streaming) -> http2::Builder<Streaming> {
    let mut http = http2::Builder::new(streaming);
    http.timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(config.max_head_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    http
}

async fn answer(gateway: &Gateway, mut request: Request<Incoming>, peer: SocketAddr) -> Response<Taken> {
    let reply = if request.headers().len() > MAX_FIELDS {
        gateway.refuse_head(BadHead::TooLarge).await
    } else {
        join_cookies(request.headers_mut());
        gateway.handle(request.map(Inbound::Http2), peer).await
    };
    let mut reply = reply.with_fields();
    // It means nothing here: other requests share the connection.
    reply.headers_mut().remove(header::CONNECTION);
    let stream = STREAM.try_with(Arc::clone).unwrap_or_default();
    stream.offer();
    reply.map(|inner| Taken { inner, stream })
}

/// HTTP/2 may cut a cookie header in pieces, HTTP/1.1 may not (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let pieces: Vec<_> = headers
        .get_all(header::COOKIE)
        .iter()
        .map(|piece| piece.as_bytes().to_vec())
        .collect();
    if pieces.len() > 1
        && let Ok(whole) = http::HeaderValue::from_bytes(&pieces.join(b"; ".as_slice()))
    {
        headers.insert(header::COOKIE, whole);
    }
}

/// Resolves when the connection is to be ended: the gateway ends, or the client asks for nothing. While the gateway drains, a
/// client is let go after its first request, so that none is sent away before it could ask.
async fn time_to_leave(streams: &mut watch::Receiver<Streams>, ending: &Ending, config: &ConnectionConfig) {
    let mut asked = streams.clone();
    let drained = async {
        ending.draining().await;
        drop(asked.wait_for(|streams| streams.any).await);
    };
    tokio::select! {
        () = drained => {}
        () = ending.closing() => {}
        () = idle(streams, config) => {}
    }
}

async fn idle(streams: &mut watch::Receiver<Streams>, config: &ConnectionConfig) {
    loop {
        let Ok(any) = streams.wait_for(|streams| streams.open == 0).await.map(|now| now.any) else {
            return;
        };
        let limit = if any { config.idle_timeout } else { config.head_timeout };
        if tokio::time::timeout(limit, streams.changed()).await.is_err() {
            return;
        }
    }
}

/// A connection's streams.
#[derive(Clone, Copy, Debug, Default)]
struct Streams {
    open: usize,
    /// Whether there was ever one.
    any: bool,
}

/// Runs a connection's streams: counts them, and resets one whose client does not take the reply.
#[derive(Clone)]
struct Streaming {
    running: Arc<watch::Sender<Streams>>,
    stall_timeout: Duration,
}

/// Since when a stream's client is offered something; 0 while it is not.
#[derive(Debug)]
struct Stream {
    opened: Instant,
    offered: AtomicU64,
}

tokio::task_local! {
    /// The stream that the present task runs.
    static STREAM: Arc<Stream>;
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            opened: Instant::now(),
            offered: AtomicU64::new(0),
        }
    }
}

impl Stream {
    fn millis(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis())
            .unwrap_or(u64::MAX)
            .max(1)
    }

    fn offer(&self) {
        self.offered.store(self.millis(), Ordering::Relaxed);
    }

    fn wait(&self) {
        self.offered.store(0, Ordering::Relaxed);
    }

    /// Resolves when the client has taken nothing for so long. The body cannot tell by itself: it is not asked meanwhile.
    async fn stalled(&self, limit: Duration) {
        let limit_millis = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        loop {
            tokio::time::sleep((limit / 2).max(Duration::from_millis(10))).await;
            let offered = self.offered.load(Ordering::Relaxed);
            if offered != 0 && self.millis().saturating_sub(offered) >= limit_millis {
                return;
            }
        }
    }
}

/// An open stream, counted until this is dropped.
struct Open(Arc<watch::Sender<Streams>>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|streams| streams.open -= 1);
    }
}

impl<F> Executor<F> for Streaming
where
    F: Future<Output = ()> + Send + 'static,
{
    #[expect(
        clippy::disallowed_methods,
        reason = "a stream ends with its connection, which is tracked"
    )]
    fn execute(&self, stream: F) {
        self.running.send_modify(|streams| {
            streams.open += 1;
            streams.any = true;
        });
        let (open, limit) = (Open(Arc::clone(&self.running)), self.stall_timeout);
        tokio::spawn(async move {
            let _open = open;
            let state = Arc::new(Stream::default());
            tokio::select! {
                () = STREAM.scope(Arc::clone(&state), stream) => {}
                () = state.stalled(limit) => tracing::debug!("a client did not take its reply"),
            }
        });
    }
}

/// A reply's body that notes when its client was offered something.
struct Taken {
    inner: ReplyBody,
    stream: Arc<Stream>,
}

impl Body for Taken {
    type Data = Bytes;
    type Error = <ReplyBody as Body>::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if polled.is_pending() {
            self.stream.wait();
        } else {
            self.stream.offer();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
