//! How a reply is written: its head, where its body ends, and both of them in as few writes as can be.

use super::wire::Wire;
use crate::{body::ReplyBody, reply_fields::ReplyFields};
use bytes::{Buf, Bytes};
use chrono::{DateTime, Utc};
use futures_util::ready;
use http::{HeaderMap, Method, Response, StatusCode, Version, header};
use hyper::body::Body;
use std::{
    io::{self, IoSlice, Write},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{io::AsyncWrite, time::Sleep};

/// Parts of a body up to this size are copied behind the head, so that one write does for all.
const SMALL: usize = 8 * 1024;
/// Room for a usual head and a small body.
const USUAL: usize = 4 * 1024;
/// So much is gathered before it is written.
const GATHERED: usize = 16 * 1024;

/// Where a reply's body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReplyEnd {
    /// There is none, whatever the head says.
    None,
    /// After so many bytes.
    Known(u64),
    /// Where its chunks say.
    Chunked,
    /// With the connection: clients of HTTP/1.0 know no chunks.
    Close,
}

/// What a reply needs to know of its request.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) is_head: bool,
    pub(super) version: Version,
}

impl Asked {
    pub(super) fn new(method: &Method, version: Version) -> Self {
        Self {
            is_head: *method == Method::HEAD,
            version,
        }
    }

    /// Where the reply's body will end.
    pub(super) fn end_of(&self, reply: &Response<ReplyBody>) -> ReplyEnd {
        if self.is_head || matches!(reply.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            return ReplyEnd::None;
        }
        match announced(reply.headers()).or_else(|| reply.body().size_hint().exact()) {
            Some(length) => ReplyEnd::Known(length),
            None if self.version == Version::HTTP_10 => ReplyEnd::Close,
            None => ReplyEnd::Chunked,
        }
    }
}

/// The length that a reply's head says, if it says one.
fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The bytes on their way to the client.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    gathered: Vec<u8>,
    written: usize,
    /// Comes behind what was gathered.
    large: Bytes,
    /// Comes behind that.
    behind: &'static [u8],
    /// Runs while the client takes nothing.
    stall_timer: Option<Pin<Box<Sleep>>>,
}

impl Outgoing {
    /// Begins with what is left to be said of something else.
    pub(super) fn after(rest: &[u8]) -> Self {
        let mut gathered = Vec::with_capacity(USUAL);
        gathered.extend_from_slice(rest);
        Self {
            gathered,
            ..Self::default()
        }
    }

    /// The head. Of fields about the connection only ours are written.
    pub(super) fn head(
        &mut self,
        reply: &Response<ReplyBody>,
        ours: &ReplyFields,
        asked: &Asked,
        end: ReplyEnd,
        keep: bool,
        now: impl FnOnce() -> DateTime<Utc>,
    ) {
        let is_old = asked.version == Version::HTTP_10;
        let status = reply.status();
        self.push(if is_old { b"HTTP/1.0 " } else { b"HTTP/1.1 " });
        self.push(status.as_str().as_bytes());
        self.push(b" ");
        self.push(status.canonical_reason().unwrap_or("-").as_bytes());
        self.push(b"\r\n");
        let mut is_dated = false;
        for (name, value) in reply.headers() {
            if *name == header::CONNECTION || *name == header::TRANSFER_ENCODING || *name == header::CONTENT_LENGTH {
                continue;
            }
            is_dated |= *name == header::DATE;
            self.field(name.as_str(), value.as_bytes());
        }
        self.push(ours.as_bytes());
        if !is_dated {
            let date = now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            self.field("date", date.as_bytes());
        }
        match end {
            ReplyEnd::Known(length) => self.length(length),
            ReplyEnd::Chunked => self.push(b"transfer-encoding: chunked\r\n"),
            // The length of what is not sent.
            ReplyEnd::None if status != StatusCode::NO_CONTENT => {
                let length = announced(reply.headers()).or_else(|| reply.body().size_hint().exact());
                if let Some(length) = length.filter(|length| *length > 0) {
                    self.length(length);
                }
            }
            ReplyEnd::None | ReplyEnd::Close => {}
        }
        if !keep {
            self.push(b"connection: close\r\n");
        } else if is_old {
            self.push(b"connection: keep-alive\r\n");
        }
        self.push(b"\r\n");
    }

    fn push(&mut self, bytes: &[u8]) {
        self.gathered.extend_from_slice(bytes);
    }

    fn field(&mut self, name: &str, value: &[u8]) {
        self.gathered.reserve(name.len() + value.len() + 4);
        self.push(name.as_bytes());
        self.push(b": ");
        self.push(value);
        self.push(b"\r\n");
    }

    fn length(&mut self, length: u64) {
        self.push(b"content-length: ");
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut rest = length;
        loop {
            at -= 1;
            // A digit of ten is no more than nine.
            digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.push(&digits[at..]);
        self.push(b"\r\n");
    }

    /// A part of the body; not to be called while there is no room.
    pub(super) fn part(&mut self, part: Bytes, chunked: bool) {
        if part.is_empty() {
            // A chunk of nothing would be the last.
            return;
        }
        if chunked {
            // A vector takes everything.
            let _written = write!(self.gathered, "{:x}\r\n", part.len());
        }
        let behind: &[u8] = if chunked { b"\r\n" } else { b"" };
        if part.len() > SMALL {
            self.large = part;
            self.behind = behind;
        } else {
            self.push(&part);
            self.push(behind);
        }
    }

    /// What stands behind the last chunk.
    pub(super) fn last_chunk(&mut self) {
        self.push(b"0\r\n\r\n");
    }

    /// Whether another part may be added before anything is written.
    pub(super) fn has_room(&self) -> bool {
        self.large.is_empty() && self.behind.is_empty() && self.gathered.len() < GATHERED
    }

    /// Writes everything. Fails if the client takes nothing for too long. The kernel calls a socket writable only when a good
    /// part of its buffer is free, so that getting on means more than a byte.
    pub(super) fn poll_write(
        &mut self,
        wire: &mut Wire,
        stall_limit: Duration,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let gathered = &self.gathered[self.written..];
            let is_single = self.large.is_empty() && self.behind.is_empty();
            let is_all = is_single && gathered.is_empty();
            let written = if is_all {
                wire.stream().poll_flush(cx).map_ok(|()| 0)
            } else if is_single {
                wire.stream().poll_write(cx, gathered)
            } else {
                let parts = [gathered, &self.large, self.behind].map(IoSlice::new);
                wire.stream().poll_write_vectored(cx, &parts)
            };
            if written.is_pending() {
                let timer = self
                    .stall_timer
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep(stall_limit)));
                ready!(timer.as_mut().poll(cx));
                let stalled = io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing");
                return Poll::Ready(Err(stalled));
            }
            self.stall_timer = None;
            let written = ready!(written)?;
            if is_all {
                self.gathered.clear();
                self.written = 0;
                return Poll::Ready(Ok(()));
            }
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let of_gathered = written.min(gathered.len());
            let of_large = (written - of_gathered).min(self.large.len());
            self.written += of_gathered;
            self.large.advance(of_large);
            self.behind = self.behind.get(written - of_gathered - of_large..).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &Method, version: Version, reply: &Response<ReplyBody>, keep: bool) -> (ReplyEnd, String) {
        let asked = Asked::new(method, version);
        let (mut out, end) = (Outgoing::default(), asked.end_of(reply));
        let ours = ReplyFields::begin("");
        out.head(reply, &ours, &asked, end, keep, || {
            DateTime::from_timestamp(784_111_777, 0).unwrap()
        });
        (end, String::from_utf8(out.gathered).unwrap())
    }

    fn reply(status: u16, headers: &[(&str, &str)], body: &'static str) -> Response<ReplyBody> {
        let mut reply = Response::builder().status(status);
        for (name, value) in headers {
            reply = reply.header(*name, *value);
        }
        reply.body(ReplyBody::from(axum::body::Body::from(body))).unwrap()
    }

    #[test]
    fn a_head_says_where_the_body_ends() {
        let date = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
        for (method, version, given, keep, end, wanted) in [
            (
                Method::GET,
                Version::HTTP_11,
                reply(200, &[("transfer-encoding", "x"), ("connection", "y")], "hello"),
                true,
                ReplyEnd::Known(5),
                format!("HTTP/1.1 200 OK\r\n{date}content-length: 5\r\n\r\n"),
            ),
            (
                Method::HEAD,
                Version::HTTP_11,
                reply(200, &[("content-length", "1024")], ""),
                false,
                ReplyEnd::None,
                format!("HTTP/1.1 200 OK\r\n{date}content-length: 1024\r\nconnection: close\r\n\r\n"),
            ),
            (
                Method::GET,
                Version::HTTP_11,
                reply(204, &[("content-length", "5")], "hello"),
                true,
                ReplyEnd::None,
                format!("HTTP/1.1 204 No Content\r\n{date}\r\n"),
            ),
            (
                Method::GET,
                Version::HTTP_10,
                reply(404, &[("date", "today")], ""),
                true,
                ReplyEnd::Known(0),
                "HTTP/1.0 404 Not Found\r\ndate: today\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n"
                    .to_owned(),
            ),
        ] {
            assert_eq!(head(&method, version, &given, keep), (end, wanted));
        }
    }
}
