use super::{connection::Connection, failure::Failure, framing::Framing, pool::Pool};
use crate::body::BodyError;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// A service's reply, as it comes.
#[derive(Debug)]
pub(crate) struct ServiceBody {
    /// What is there.
    next: Bytes,
    /// What is still to come.
    coming: Option<Box<Coming>>,
}

/// The rest of a reply, still on its connection.
#[derive(Debug)]
struct Coming {
    connection: Connection,
    framing: Framing,
    /// What has come and was not looked at.
    arrived: Bytes,
    /// Where the connection goes at the end, if it is to be kept.
    pool: Option<Arc<Pool>>,
}

impl ServiceBody {
    /// A body that begins with `arrived`. If that is all of it, the connection is given back here.
    ///
    /// # Errors
    /// When what has come is not framed as was said, so that not even a part of it is worth passing on.
    pub(super) fn new(
        connection: Connection,
        framing: Framing,
        arrived: Bytes,
        pool: Option<&Arc<Pool>>,
    ) -> Result<Self, Failure> {
        let (mut framing, mut arrived) = (framing, arrived);
        let next = match &framing {
            // In the usual case this is all.
            Framing::Length(length) if arrived.len() as u64 >= *length => framing.next(&mut arrived),
            _ => Ok(None),
        };
        let next = next
            .map_err(|_| Failure::reply("it has no chunks"))?
            .unwrap_or_default();
        if framing.is_end() {
            if let (Some(pool), true) = (pool, arrived.is_empty()) {
                pool.put(connection);
            }
            return Ok(Self { next, coming: None });
        }
        let coming = Coming {
            connection,
            framing,
            arrived,
            pool: pool.cloned(),
        };
        Ok(Self {
            next,
            coming: Some(Box::new(coming)),
        })
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        if !self.next.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.next))));
        }
        let Some(coming) = &mut self.coming else {
            return Poll::Ready(None);
        };
        let data = ready!(coming.poll_data(cx));
        if coming.framing.is_end() {
            if let Some(coming) = self.coming.take() {
                coming.end();
            }
        } else if !matches!(data, Some(Ok(_))) {
            self.coming = None;
        }
        Poll::Ready(data)
    }
}

impl From<Bytes> for ServiceBody {
    fn from(next: Bytes) -> Self {
        Self { next, coming: None }
    }
}

impl Coming {
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            match self.framing.next(&mut self.arrived) {
                Ok(Some(data)) => return Poll::Ready(Some(Ok(data))),
                Ok(None) if self.framing.is_end() => return Poll::Ready(None),
                Ok(None) => {}
                Err(_) => return Poll::Ready(Some(Err("its chunks cannot be read".into()))),
            }
            self.arrived = ready!(self.connection.poll_read(cx, Bytes::copy_from_slice))?;
            if self.arrived.is_empty() {
                return Poll::Ready(match self.framing {
                    Framing::UntilClose => None,
                    _ => Some(Err("the connection was closed before its end".into())),
                });
            }
        }
    }

    /// Keeps the connection, unless the service has said more than it was asked for.
    fn end(self) {
        if let (Some(pool), true) = (self.pool, self.arrived.is_empty()) {
            pool.put(self.connection);
        }
    }
}

impl Body for ServiceBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let data = ready!(self.get_mut().poll_data(cx));
        Poll::Ready(data.map(|data| data.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.next.is_empty() && self.coming.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.coming.as_ref().map_or(Some(0), |coming| coming.framing.left());
        match left {
            Some(left) => SizeHint::with_exact(left + self.next.len() as u64),
            None => SizeHint::default(),
        }
    }
}
