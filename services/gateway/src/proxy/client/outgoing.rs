use super::{connection::Connection, failure::Failure};
use crate::body::{BodyError, RequestBody};
use bytes::Bytes;
use http::{HeaderMap, Method};
use hyper::body::Body;
use std::{
    io::{self, Write},
    net::IpAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Parts of a body up to this size are copied behind what else is to be sent; larger ones are sent from where they are.
const COPIED_BYTES: usize = 4 * 1024;
/// Room for a usual head.
const HEAD_BYTES: usize = 1024;

/// The head of a request while it is written.
pub(in crate::proxy) struct RequestHead {
    bytes: Vec<u8>,
    method: Method,
}

/// A request that is being sent: its head, and its body as it comes.
#[derive(Debug)]
pub(in crate::proxy) struct Outgoing<B = RequestBody> {
    /// The head, later parts of the body.
    bytes: Vec<u8>,
    /// How much of that was sent.
    sent: usize,
    /// A large part of the body, behind those bytes.
    part: Bytes,
    body: B,
    framing: Framing,
    progress: Progress,
    /// Whether it has no body and may be sent as often as it takes.
    repeatable: bool,
    is_head: bool,
}

#[derive(Clone, Copy, Debug)]
enum Framing {
    /// So much is still to come.
    Length(u64),
    Chunked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    New,
    /// The beginning of the body, if it was there, stands behind the head; nothing was sent yet.
    Primed,
    /// Something was sent.
    Begun,
}

impl RequestHead {
    /// A request's first line.
    pub(in crate::proxy) fn new(method: Method, target: &str) -> Self {
        let mut bytes = Vec::with_capacity(HEAD_BYTES);
        bytes.extend_from_slice(method.as_str().as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(target.as_bytes());
        bytes.extend_from_slice(b" HTTP/1.1\r\n");
        Self { bytes, method }
    }

    /// Adds a field. Name and value must be what the types of `http` would take.
    pub(in crate::proxy) fn field(&mut self, name: &str, value: &[u8]) {
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(b": ");
        self.bytes.extend_from_slice(value);
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// Adds a field that is a number.
    fn number(&mut self, name: &str, value: u64) {
        self.field(name, itoa::Buffer::new().format(value).as_bytes());
    }

    /// Adds a field that is an address.
    pub(in crate::proxy) fn address(&mut self, name: &str, value: IpAddr) {
        match value {
            // By hand, because the general way costs as much as the rest of a head.
            IpAddr::V4(value) => {
                let [a, b, c, d] = value.octets();
                self.bytes.extend_from_slice(name.as_bytes());
                for (before, octet) in [(": ", a), (".", b), (".", c), (".", d)] {
                    self.bytes.extend_from_slice(before.as_bytes());
                    self.bytes
                        .extend_from_slice(itoa::Buffer::new().format(octet).as_bytes());
                }
                self.bytes.extend_from_slice(b"\r\n");
            }
            IpAddr::V6(value) => self.field(name, value.to_string().as_bytes()),
        }
    }

    /// Adds those fields that `keep` wants.
    pub(in crate::proxy) fn fields(&mut self, headers: &HeaderMap, keep: impl Fn(&str) -> bool) {
        for (name, value) in headers {
            if keep(name.as_str()) {
                self.field(name.as_str(), value.as_bytes());
            }
        }
    }

    /// The request with this body, which decides how it is framed. `repeatable` says that the service may get it twice.
    pub(in crate::proxy) fn with_body<B: Body>(mut self, body: B, repeatable: bool) -> Outgoing<B> {
        let without_body = body.is_end_stream();
        let framing = match body.size_hint().exact() {
            Some(length) => Framing::Length(length),
            None if without_body => Framing::Length(0),
            None => Framing::Chunked,
        };
        let usually_has_none = matches!(
            self.method,
            Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS
        );
        match framing {
            Framing::Length(0) if usually_has_none => {}
            Framing::Length(length) => self.number("content-length", length),
            Framing::Chunked => self.field("transfer-encoding", b"chunked"),
        }
        self.bytes.extend_from_slice(b"\r\n");
        Outgoing {
            bytes: self.bytes,
            sent: 0,
            part: Bytes::new(),
            body,
            framing,
            progress: Progress::New,
            repeatable: repeatable && without_body,
            is_head: self.method == Method::HEAD,
        }
    }
}

impl<B: Body<Data = Bytes, Error = BodyError> + Unpin> Outgoing<B> {
    /// Whether it is a HEAD, whose reply has no body whatever its head says.
    pub(super) fn is_head(&self) -> bool {
        self.is_head
    }

    /// Whether it may be tried again when it fails.
    pub(in crate::proxy) fn is_repeatable(&self) -> bool {
        self.repeatable
    }

    /// Makes it ready to be sent from its beginning; false if it cannot or must not be.
    pub(in crate::proxy) fn rewind(&mut self) -> bool {
        if self.repeatable {
            self.sent = 0;
            self.progress = Progress::Primed;
        }
        self.progress != Progress::Begun
    }

    /// Sends as much as there is, until all of it is sent.
    ///
    /// # Errors
    /// Inside, the socket's; outside, when the body does not come, which is the end of the request.
    pub(super) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        connection: &mut Connection,
    ) -> Poll<Result<io::Result<()>, Failure>> {
        if self.progress == Progress::New {
            self.progress = Progress::Primed;
            if let Poll::Ready(Err(failure)) = self.poll_part(cx) {
                return Poll::Ready(Err(failure));
            }
        }
        loop {
            while self.sent < self.bytes.len() || !self.part.is_empty() {
                match ready!(connection.poll_write(cx, &self.bytes[self.sent..], &self.part)) {
                    Ok(0) => return Poll::Ready(Ok(Err(io::ErrorKind::WriteZero.into()))),
                    Ok(length) => self.advance(length),
                    Err(error) => return Poll::Ready(Ok(Err(error))),
                }
            }
            if self.is_complete() {
                return Poll::Ready(Ok(Ok(())));
            }
            self.bytes.clear();
            self.sent = 0;
            ready!(self.poll_part(cx))?;
        }
    }

    fn advance(&mut self, length: usize) {
        self.progress = Progress::Begun;
        let of_bytes = length.min(self.bytes.len() - self.sent);
        self.sent += of_bytes;
        let _sent = self.part.split_to(length - of_bytes);
    }

    /// Whether nothing of the body is to come.
    fn is_complete(&self) -> bool {
        matches!(self.framing, Framing::Length(0))
    }

    /// Takes the next part of the body, if there is to be one, behind what waits to be sent.
    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        while !self.is_complete() && self.part.is_empty() {
            let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
            let data = match frame.transpose().map_err(Failure::body)? {
                Some(frame) => frame.into_data().unwrap_or_default(),
                None => return Poll::Ready(self.end()),
            };
            if !data.is_empty() {
                self.add(data)?;
                if self.body.is_end_stream() {
                    return Poll::Ready(self.end());
                }
                if self.is_complete() {
                    // The body learns that all of it was taken. There is nothing to wait for.
                    let _end = Pin::new(&mut self.body).poll_frame(cx);
                }
                break;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn add(&mut self, data: Bytes) -> Result<(), Failure> {
        match &mut self.framing {
            Framing::Length(left) => {
                *left = left
                    .checked_sub(data.len() as u64)
                    .ok_or_else(|| Failure::body("it is longer than was said".into()))?;
                if data.len() <= COPIED_BYTES {
                    self.bytes.extend_from_slice(&data);
                } else {
                    self.part = data;
                }
            }
            Framing::Chunked => {
                // Writing to memory does not fail.
                let _written = write!(self.bytes, "{:x}\r\n", data.len());
                self.bytes.extend_from_slice(&data);
                self.bytes.extend_from_slice(b"\r\n");
            }
        }
        Ok(())
    }

    /// The body has ended.
    fn end(&mut self) -> Result<(), Failure> {
        match self.framing {
            Framing::Length(0) => Ok(()),
            Framing::Length(_) => Err(Failure::body("it is shorter than was said".into())),
            Framing::Chunked => {
                self.bytes.extend_from_slice(b"0\r\n\r\n");
                self.framing = Framing::Length(0);
                Ok(())
            }
        }
    }
}
