//! A connection's two ends: what was read and not yet used, and the way out. Shared between the connection and a request's body,
//! which the way to the service reads on its own; at each moment only one of the two reads.

use super::{
    chunks::Chunks,
    head::{BadHead, BodyLength, Head, HeadReader},
    stream::Stream,
};
use crate::body::BodyError;
use bytes::{Bytes, BytesMut};
use futures_util::ready;
use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, Waker},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is read at once. What is kept of it between two requests is what was read of the next.
const READ_BYTES: usize = 16 * 1024;
const INVITATION: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The connection as bytes, and the present request's body in it.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    buffer: BytesMut,
    reader: HeadReader,
    body: Body,
    /// What is still to be said before the body comes.
    invitation: &'static [u8],
    /// The connection's, while the body is being read by another.
    waker: Option<Waker>,
    /// That of who waits for more of the body.
    reader_waker: Option<Waker>,
}

/// What is left of the present request's body.
#[derive(Clone, Copy, Debug)]
enum Body {
    Known(u64),
    Chunked(Chunks),
    Broken,
}

impl Wire {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
            reader: HeadReader::default(),
            body: Body::Known(0),
            invitation: &[],
            waker: None,
            reader_waker: None,
        }
    }

    pub(super) fn stream(&mut self) -> Pin<&mut Stream> {
        Pin::new(&mut self.stream)
    }

    /// Whether anything of a next head has come.
    pub(super) fn has_begun(&self) -> bool {
        self.reader.has_begun()
    }

    /// The next head; `None` when the client has nothing more to say.
    pub(super) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        max_bytes: usize,
    ) -> Poll<io::Result<Option<Result<Head, BadHead>>>> {
        loop {
            match self.reader.read(&mut self.buffer, max_bytes) {
                Ok(Some(head)) => {
                    self.body = match head.body {
                        BodyLength::Known(length) => Body::Known(length),
                        BodyLength::Chunked => Body::Chunked(Chunks::new()),
                    };
                    self.invitation = if head.expects_invitation { INVITATION } else { &[] };
                    return Poll::Ready(Ok(Some(Ok(head))));
                }
                Err(bad) => return Poll::Ready(Ok(Some(Err(bad)))),
                Ok(None) => {}
            }
            if ready!(self.poll_fill(cx))? == 0 {
                return Poll::Ready(Ok(None));
            }
        }
    }

    /// Reads what there is.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut room = [const { MaybeUninit::uninit() }; READ_BYTES];
        let mut room = ReadBuf::uninit(&mut room);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut room))?;
        if self.buffer.is_empty() {
            // As large as what is in it, since it may be kept for a while.
            self.buffer = BytesMut::from(room.filled());
        } else {
            self.buffer.extend_from_slice(room.filled());
        }
        Poll::Ready(Ok(room.filled().len()))
    }

    /// The body's next bytes; `None` at its end.
    pub(super) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let polled = self.poll_body_bytes(cx);
        if polled.is_pending() {
            self.reader_waker = Some(cx.waker().clone());
        }
        polled
    }

    fn poll_body_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        if let Err(error) = ready!(self.poll_invite(cx)) {
            self.end_body(Body::Broken);
            return Poll::Ready(Some(Err(error.into())));
        }
        loop {
            match self.take_body() {
                Ok(Some(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Ok(None) if self.has_whole_body() => return Poll::Ready(None),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
            let lost = match ready!(self.poll_fill(cx)) {
                Ok(0) => "the client broke off the body".into(),
                Ok(_) => continue,
                Err(error) => error.into(),
            };
            self.end_body(Body::Broken);
            return Poll::Ready(Some(Err(lost)));
        }
    }

    /// The next bytes of the body among those that were read.
    fn take_body(&mut self) -> Result<Option<Bytes>, BodyError> {
        let here = match &mut self.body {
            Body::Known(left) => *left,
            Body::Chunked(chunks) => match chunks.read_over(&self.buffer) {
                Ok(over) => {
                    drop(self.buffer.split_to(over));
                    chunks.data_left()
                }
                Err(_) => {
                    self.end_body(Body::Broken);
                    return Err("the body is badly chunked".into());
                }
            },
            Body::Broken => return Err("the body was broken off".into()),
        };
        let here = usize::try_from(here).unwrap_or(usize::MAX).min(self.buffer.len());
        if here == 0 {
            if self.has_whole_body() {
                self.end_body(self.body);
            }
            return Ok(None);
        }
        let taken = if here == self.buffer.len() {
            std::mem::take(&mut self.buffer)
        } else {
            self.buffer.split_to(here)
        };
        match &mut self.body {
            Body::Known(left) => *left -= here as u64,
            Body::Chunked(chunks) => {
                chunks.took(here as u64);
                // The end of the body is often already there.
                if let Ok(over) = chunks.read_over(&self.buffer) {
                    drop(self.buffer.split_to(over));
                }
            }
            Body::Broken => {}
        }
        if self.has_whole_body() {
            self.end_body(self.body);
        }
        Ok(Some(taken.freeze()))
    }

    /// The connection has its reading back.
    fn end_body(&mut self, body: Body) {
        self.body = body;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Tells a client that waits for it that the body is wanted.
    fn poll_invite(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.invitation.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, self.invitation))?;
            self.invitation = self.invitation.get(written..).unwrap_or_default();
            if self.invitation.is_empty() {
                ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Whether the client waits to be asked for the body.
    pub(super) fn waits_for_invitation(&self) -> bool {
        self.invitation.len() == INVITATION.len()
    }

    /// What must be said before the reply because it was begun.
    pub(super) fn rest_of_invitation(&mut self) -> &'static [u8] {
        let is_begun = !self.waits_for_invitation();
        let rest = std::mem::take(&mut self.invitation);
        if is_begun { rest } else { &[] }
    }

    /// How many bytes of the body are not read yet; `None` if nobody knows.
    pub(super) fn body_left(&self) -> Option<u64> {
        match &self.body {
            Body::Known(left) => Some(*left),
            Body::Chunked(chunks) if chunks.is_done() => Some(0),
            Body::Chunked(_) | Body::Broken => None,
        }
    }

    fn has_whole_body(&self) -> bool {
        self.body_left() == Some(0)
    }

    /// Whether the next request can follow: the body was read, or is there and can be left out.
    pub(super) fn finish_body(&mut self) -> bool {
        if let Body::Known(left) = self.body
            && let Ok(left) = usize::try_from(left)
            && left <= self.buffer.len()
            // Who was not invited may leave the body out.
            && (left == 0 || self.invitation.is_empty())
        {
            drop(self.buffer.split_to(left));
            self.body = Body::Known(0);
        }
        self.has_whole_body()
    }

    /// Nobody reads the body any more.
    pub(super) fn abandon_body(&mut self) {
        if !self.has_whole_body() {
            self.body = Body::Broken;
        }
        if let Some(waker) = self.reader_waker.take() {
            waker.wake();
        }
    }

    /// Whether something was read and not used.
    pub(super) fn has_rest(&self) -> bool {
        !self.buffer.is_empty() || !self.has_whole_body()
    }

    /// Ready when the client has gone away. Nobody looks while the request's body is being read, whose reader will notice, nor
    /// once the next request is there.
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.has_whole_body() {
            self.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        while self.buffer.is_empty() {
            match ready!(self.poll_fill(cx)) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(_) => {}
            }
        }
        Poll::Pending
    }
}
