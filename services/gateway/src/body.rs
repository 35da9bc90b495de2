//! The bodies that pass through: requests on their way to a service, counted, and replies on their way back. Neither is ever
//! collected.

use crate::proxy::ServiceBody;
use crate::server::RequestStream;
use bytes::Bytes;
use common::lifecycle::Shutdown;
use futures_util::{FutureExt, future::BoxFuture, ready};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Sleep};
use tower_http::compression::CompressionBody;

/// What ends a body early.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A request's body as its connection gives it.
#[derive(Debug)]
pub(crate) enum Inbound {
    /// There is none.
    Empty,
    /// Of a request of HTTP/1.1.
    Http1(RequestStream),
    /// Of a stream of HTTP/2.
    Http2(Incoming),
}

impl Inbound {
    /// Whether the client sends it only once it is asked to, which reading does.
    pub(crate) fn waits_for_invitation(&self) -> bool {
        match self {
            Self::Http1(body) => body.waits_for_invitation(),
            Self::Empty | Self::Http2(_) => false,
        }
    }
}

impl Body for Inbound {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Http1(body) => Pin::new(body).poll_frame(cx),
            Self::Http2(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Http1(body) => body.size_hint(),
            Self::Http2(body) => body.size_hint(),
        }
    }
}

/// A request's body on its way to a service.
#[derive(Debug)]
pub(crate) enum RequestBody {
    /// There is none.
    Empty,
    /// The client's.
    Client(ClientBody),
}

/// A client's body, counted.
#[derive(Debug)]
pub(crate) struct ClientBody {
    /// Taken away when it proves too large.
    inner: Option<Inbound>,
    left: u64,
    upload: Arc<Upload>,
}

/// How far a request's body has come; tells whose fault a failed call was.
#[derive(Debug)]
pub(crate) struct Upload {
    state: AtomicU8,
    /// Since when all of it is there.
    done: OnceLock<Instant>,
    /// What was not read of a body that proved too large.
    rest: Mutex<Option<Inbound>>,
}

/// The states of an [`Upload`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum UploadState {
    /// The client has not sent all of it yet.
    Running,
    /// All of it was passed on.
    Done,
    /// It was larger than the route takes.
    TooLarge,
    /// The client went away or broke the framing.
    Broken,
}

impl RequestBody {
    /// A client's body of at most `limit` bytes, and where to ask how it went.
    pub(crate) fn limited(body: Inbound, limit: u64) -> (Self, Option<Arc<Upload>>) {
        if body.is_end_stream() {
            return (Self::Empty, None);
        }
        let upload = Arc::new(Upload {
            state: AtomicU8::new(UploadState::Running as u8),
            done: OnceLock::new(),
            rest: Mutex::default(),
        });
        let body = ClientBody {
            inner: Some(body),
            left: limit,
            upload: Arc::clone(&upload),
        };
        (Self::Client(body), Some(upload))
    }
}

impl Upload {
    fn end(&self, state: UploadState) {
        if state == UploadState::Done {
            self.done.get_or_init(Instant::now);
        }
        self.state.store(state as u8, Ordering::Relaxed);
    }

    /// How far it has come.
    pub(crate) fn state(&self) -> UploadState {
        let states = [
            UploadState::Running,
            UploadState::Done,
            UploadState::TooLarge,
            UploadState::Broken,
        ];
        states[usize::from(self.state.load(Ordering::Relaxed)) % states.len()]
    }

    /// Since when all of it is there.
    pub(crate) fn done_since(&self) -> Option<Instant> {
        self.done.get().copied()
    }

    /// What was not read of a body that proved too large.
    pub(crate) fn take_rest(&self) -> Option<Inbound> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(inner) = &mut self.inner else {
            return Poll::Ready(None);
        };
        let frame = match ready!(Pin::new(&mut *inner).poll_frame(cx)) {
            None => {
                self.upload.end(UploadState::Done);
                return Poll::Ready(None);
            }
            Some(Err(error)) => {
                self.upload.end(UploadState::Broken);
                return Poll::Ready(Some(Err(error)));
            }
            Some(Ok(frame)) => frame,
        };
        let Some(data) = frame.data_ref() else {
            // Trailers could carry an identity past the stripping of headers, and no service of ours wants any.
            self.upload.end(UploadState::Done);
            return Poll::Ready(None);
        };
        let Some(left) = self.left.checked_sub(data.len() as u64) else {
            self.upload.end(UploadState::TooLarge);
            *self.upload.rest.lock().unwrap_or_else(PoisonError::into_inner) = self.inner.take();
            return Poll::Ready(Some(Err("the body is too large".into())));
        };
        self.left = left;
        if inner.is_end_stream() {
            self.upload.end(UploadState::Done);
        }
        Poll::Ready(Some(Ok(frame)))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Client(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Client(body) => body.inner.as_ref().is_none_or(Body::is_end_stream),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Client(ClientBody { inner: Some(inner), .. }) => inner.size_hint(),
            Self::Empty | Self::Client(_) => SizeHint::with_exact(0),
        }
    }
}

/// A reply's body on its way to the client.
pub(crate) enum ReplyBody {
    /// Made here.
    Own(axum::body::Body),
    /// A service's.
    Upstream(UpstreamBody),
    /// A service's stream without an end.
    Endless(Box<EndlessBody>),
    /// Either of the first two, on its way through a compressor.
    Compressed(Pin<Box<CompressionBody<ReplyBody>>>),
}

/// A service's reply. A service that falls silent in the middle is cut off, unless the reply is a stream.
pub(crate) struct UpstreamBody {
    inner: ServiceBody,
    service: &'static str,
    silence: Option<Duration>,
    /// Made only when the service lets us wait.
    timer: Option<Pin<Box<Sleep>>>,
}

impl ReplyBody {
    /// No body.
    pub(crate) fn empty() -> Self {
        Self::Own(axum::body::Body::empty())
    }

    /// The same until the gateway closes.
    pub(crate) fn until(self, closing: &Shutdown) -> Self {
        let closing = closing.clone();
        Self::Endless(Box::new(EndlessBody {
            inner: self,
            closing: async move { closing.cancelled().await }.boxed(),
        }))
    }

    /// A service's body, which may be silent for so long.
    pub(crate) fn upstream(inner: ServiceBody, service: &'static str, silence: Option<Duration>) -> Self {
        Self::Upstream(UpstreamBody {
            inner,
            service,
            silence,
            timer: None,
        })
    }
}

/// A stream, which ends in good order when the gateway closes: its client opens it again elsewhere.
pub(crate) struct EndlessBody {
    inner: ReplyBody,
    closing: BoxFuture<'static, ()>,
}

impl EndlessBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.closing.poll_unpin(cx).is_ready() {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.inner).poll_frame(cx)
    }
}

impl From<axum::body::Body> for ReplyBody {
    fn from(body: axum::body::Body) -> Self {
        Self::Own(body)
    }
}

impl UpstreamBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let Some(silence) = self.silence else {
                    return Poll::Pending;
                };
                let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(silence)));
                ready!(timer.poll_unpin(cx));
                tracing::warn!(
                    upstream.name = self.service,
                    "a service fell silent in the middle of a reply"
                );
                return Poll::Ready(Some(Err("the service fell silent".into())));
            }
        };
        if let (Some(timer), Some(silence)) = (&mut self.timer, self.silence) {
            timer.as_mut().reset(Instant::now() + silence);
        }
        if let Some(Err(error)) = &frame {
            tracing::warn!(upstream.name = self.service, error.message = %error, "a service broke off a reply");
        }
        Poll::Ready(frame)
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Own(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::Upstream(body) => body.poll_frame(cx),
            Self::Endless(body) => body.poll_frame(cx),
            Self::Compressed(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(body) => body.is_end_stream(),
            Self::Upstream(body) => body.inner.is_end_stream(),
            Self::Endless(body) => body.inner.is_end_stream(),
            Self::Compressed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(body) => body.size_hint(),
            Self::Upstream(body) => body.inner.size_hint(),
            // It may end before that.
            Self::Endless(_) => SizeHint::default(),
            Self::Compressed(body) => body.size_hint(),
        }
    }
}
