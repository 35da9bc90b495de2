use super::wire::Wire;
use crate::body::BodyError;
use bytes::Bytes;
use futures_util::ready;
use hyper::body::{Body, Frame, SizeHint};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

/// A request's body, read off its connection by whoever wants it. It may outlive the request, and then fails.
#[derive(Debug)]
pub(crate) struct RequestStream {
    wire: Arc<Mutex<Wire>>,
    /// How many bytes are to come, if that was announced.
    left: Option<u64>,
    is_done: bool,
}

impl RequestStream {
    pub(super) fn new(wire: Arc<Mutex<Wire>>, length: Option<u64>) -> Self {
        Self {
            wire,
            left: length,
            is_done: length == Some(0),
        }
    }

    /// Whether the client waits to be asked for it. To read it is to ask.
    pub(crate) fn waits_for_invitation(&self) -> bool {
        self.wire().waits_for_invitation()
    }

    fn wire(&self) -> MutexGuard<'_, Wire> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for RequestStream {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.is_done {
            return Poll::Ready(None);
        }
        let (read, is_done) = {
            let mut wire = self.wire();
            let read = ready!(wire.poll_body(cx));
            (read, wire.body_left() == Some(0))
        };
        self.is_done = is_done || !matches!(read, Some(Ok(_)));
        if let (Some(Ok(bytes)), Some(left)) = (&read, &mut self.left) {
            *left = left.saturating_sub(bytes.len() as u64);
        }
        Poll::Ready(read.map(|read| read.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.is_done
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
