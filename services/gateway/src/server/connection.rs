//! A connection of HTTP/1.1 from its first byte to its end.
//!
//! Cut off are heads that take too long, connections that wait too long for their next request, and clients that take nothing
//! of their reply. When the gateway drains, each reply closes its connection; when it closes, idle connections end.

use super::{
    head::{BadHead, BodyLength, Head},
    patience::Patience,
    reply::{Asked, Outgoing, ReplyEnd},
    request_body::RequestStream,
    stream::Stream,
    wire::Wire,
};
use crate::{
    body::{Inbound, ReplyBody},
    pipeline::Gateway,
    reply_fields::Reply,
};
use common::lifecycle::Ending;
use futures_util::ready;
use http::{HeaderMap, Method, Version, header::CONNECTION};
use hyper::body::Body;
use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How long a connection that came at the last moment may take until its request is there.
const LAST_REQUEST: Duration = Duration::from_secs(1);
/// How long an idle connection is still listened to, because the kernel may know of a request that we do not yet.
const LAST_LOOK: Duration = Duration::from_millis(5);
/// How much of what nobody wants is still read once the last reply is out, and for how long. To close a socket on unread data
/// resets it, and with it goes the reply that says why.
const LINGER_BYTES: usize = 16 * 1024 * 1024;
const LINGER_TIME: Duration = Duration::from_secs(2);

/// Serves a connection until it ends.
///
/// # Errors
/// When the client leaves early, is cut off, or speaks no HTTP.
pub(super) async fn serve(stream: Stream, peer: SocketAddr, gateway: &Gateway, ending: &Ending) -> io::Result<()> {
    let config = &gateway.config().connections;
    let connection = Connection {
        wire: Arc::new(Mutex::new(Wire::new(stream))),
        gateway,
        ending,
        stall_limit: config.stall_timeout,
    };
    let mut patience = Patience::new(config.head_timeout, config.idle_timeout);
    let (mut closing, mut listens) = (pin!(ending.closing()), false);
    loop {
        let head = {
            let next = poll_fn(|cx| {
                let mut wire = connection.wire();
                if let Poll::Ready(next) = wire.poll_head(cx, config.max_head_bytes) {
                    return Poll::Ready(next);
                }
                // Asked once it wakes this task; from then on a look is cheaper.
                let is_closing = ending.is_closing()
                    || !std::mem::replace(&mut listens, true) && closing.as_mut().poll(cx).is_ready();
                if is_closing && !patience.is_last() {
                    let unspoken = wire.has_begun() || !patience.has_spoken();
                    patience.end_in(if unspoken { LAST_REQUEST } else { LAST_LOOK });
                }
                patience.poll(cx, wire.has_begun()).map(|end| end.map(|()| None))
            });
            next.await?
        };
        let (asked, reply, keep, is_blind) = match head {
            None => return connection.end(false).await,
            Some(Err(BadHead::Http2)) => return connection.end(true).await,
            Some(Err(bad)) => {
                let asked = Asked::new(&Method::GET, Version::HTTP_11);
                (asked, Box::pin(gateway.refuse_head(bad)).await, false, true)
            }
            Some(Ok(head)) => {
                patience.spoke();
                let asked = Asked::new(head.request.method(), head.request.version());
                // Behind a chunked body another server might see something else than we do, so nothing is read there.
                let is_blind = head.body == BodyLength::Chunked;
                let keep = head.keep_alive && !is_blind;
                match connection.answer(head, peer).await {
                    Some(reply) => (asked, reply, keep, is_blind),
                    None => return Ok(()),
                }
            }
        };
        if !connection.send(reply, &asked, keep).await? {
            let lingers = is_blind || connection.wire().has_rest();
            return connection.end(lingers).await;
        }
    }
}

struct Connection<'a> {
    wire: Arc<Mutex<Wire>>,
    gateway: &'a Gateway,
    ending: &'a Ending,
    stall_limit: Duration,
}

impl Connection<'_> {
    fn wire(&self) -> MutexGuard<'_, Wire> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reply to a request, unless its client goes away before it is there.
    async fn answer(&self, head: Head, peer: SocketAddr) -> Option<Reply> {
        let body = match head.body {
            BodyLength::Known(0) => Inbound::Empty,
            BodyLength::Known(length) => Inbound::Http1(RequestStream::new(Arc::clone(&self.wire), Some(length))),
            BodyLength::Chunked => Inbound::Http1(RequestStream::new(Arc::clone(&self.wire), None)),
        };
        // In a box, so that a connection that waits for its next request needs no room for one.
        let mut handling = Box::pin(self.gateway.handle(head.request.map(|()| body), peer));
        poll_fn(|cx| match handling.as_mut().poll(cx) {
            Poll::Ready(reply) => Poll::Ready(Some(reply)),
            Poll::Pending => self.wire().poll_gone(cx).map(|()| None),
        })
        .await
    }

    /// Writes a reply; tells whether another request may follow.
    async fn send(&self, reply: Reply, asked: &Asked, keep: bool) -> io::Result<bool> {
        let Reply { reply, fields } = reply;
        let end = asked.end_of(&reply);
        let (mut out, keep) = {
            let mut wire = self.wire();
            let keep = keep
                && end != ReplyEnd::Close
                && wire.finish_body()
                && !wants_close(reply.headers())
                && !self.ending.is_draining();
            (Outgoing::after(wire.rest_of_invitation()), keep)
        };
        out.head(&reply, &fields, asked, end, keep, || self.gateway.config().clock.now());
        let mut sending = Sending {
            out,
            left: match end {
                ReplyEnd::None => Some(0),
                ReplyEnd::Known(length) => Some(length),
                ReplyEnd::Chunked | ReplyEnd::Close => None,
            },
            chunked: end == ReplyEnd::Chunked,
            state: State::Body,
        };
        let mut body = reply.into_body();
        poll_fn(|cx| sending.poll(&mut body, self, cx)).await?;
        Ok(keep)
    }

    /// Closes our side; first lets a client that may still be sending see what it was told.
    async fn end(&self, lingers: bool) -> io::Result<()> {
        self.wire().abandon_body();
        let shut = poll_fn(|cx| self.wire().stream().poll_shutdown(cx));
        tokio::time::timeout(self.stall_limit, shut).await??;
        if lingers {
            let mut left = LINGER_BYTES;
            let reading = poll_fn(|cx| poll_discard(self.wire().stream(), &mut left, cx));
            // Who takes longer has had time to read the reply.
            let _read = tokio::time::timeout(LINGER_TIME, reading).await;
        }
        Ok(())
    }
}

/// Ready when the client has closed its side, or sent too much.
fn poll_discard(mut stream: Pin<&mut Stream>, left: &mut usize, cx: &mut Context<'_>) -> Poll<()> {
    let mut scratch = [0; 4096];
    loop {
        let mut buf = ReadBuf::new(&mut scratch);
        match ready!(stream.as_mut().poll_read(cx, &mut buf)) {
            Ok(()) if !buf.filled().is_empty() && *left > 0 => *left = left.saturating_sub(buf.filled().len()),
            _ => return Poll::Ready(()),
        }
    }
}

fn wants_close(headers: &HeaderMap) -> bool {
    headers
        .get(CONNECTION)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}

/// A reply on its way.
struct Sending {
    out: Outgoing,
    /// How much of the body is still to come, if that was announced.
    left: Option<u64>,
    chunked: bool,
    state: State,
}

/// How far a reply has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Body,
    /// All of it is on its way.
    Complete,
    /// It broke off; what there was is on its way.
    Cut,
}

impl Sending {
    fn poll(
        &mut self,
        body: &mut ReplyBody,
        connection: &Connection<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let waits = self.state == State::Body && self.poll_gather(body, cx).is_pending();
            let mut wire = connection.wire();
            ready!(self.out.poll_write(&mut wire, connection.stall_limit, cx))?;
            match self.state {
                State::Complete => return Poll::Ready(Ok(())),
                State::Cut => return Poll::Ready(Err(io::Error::other("the reply broke off"))),
                State::Body if waits => {
                    return wire
                        .poll_gone(cx)
                        .map(|()| Err(io::ErrorKind::ConnectionAborted.into()));
                }
                State::Body => {}
            }
        }
    }

    /// Takes what there is of the body, up to what is written at once. Pending when it has to be waited for.
    fn poll_gather(&mut self, body: &mut ReplyBody, cx: &mut Context<'_>) -> Poll<()> {
        while self.out.has_room() {
            if self.left == Some(0) {
                self.state = State::Complete;
                break;
            }
            match ready!(Pin::new(&mut *body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if let Ok(part) = frame.into_data() {
                        self.take(part);
                    }
                }
                Some(Err(_)) => self.state = State::Cut,
                // It is shorter than it was said to be.
                None if self.left.is_some() => self.state = State::Cut,
                None => {
                    if self.chunked {
                        self.out.last_chunk();
                    }
                    self.state = State::Complete;
                }
            }
            if self.state != State::Body {
                break;
            }
        }
        Poll::Ready(())
    }

    fn take(&mut self, mut part: bytes::Bytes) {
        if let Some(left) = &mut self.left {
            // What is over was not announced, and would be taken for the next reply.
            part.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= part.len() as u64;
        }
        self.out.part(part, self.chunked);
    }
}
