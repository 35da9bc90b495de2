use super::{
    body::ServiceBody,
    connection::Connection,
    failure::Failure,
    outgoing::Outgoing,
    pool::Pool,
    reply_head::{HeadReader, ReplyHead},
};
use crate::body::BodyError;
use bytes::Bytes;
use http::Response;
use hyper::body::Body;
use std::{
    future::poll_fn,
    io,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// Sends a request over a connection and waits for the head of its reply, which may come before all of the request was sent:
/// then nothing more of it is.
///
/// # Errors
/// When there is no reply, or none that can be read in one way only.
pub(super) async fn exchange<B: Body<Data = Bytes, Error = BodyError> + Unpin>(
    connection: Connection,
    request: &mut Outgoing<B>,
    pool: &Arc<Pool>,
) -> Result<Response<ServiceBody>, Failure> {
    let mut exchange = Exchange {
        reader: HeadReader::new(request.is_head()),
        connection,
        sending: Sending::Running,
    };
    let head = poll_fn(|cx| exchange.poll(cx, request)).await?;
    let keeps = head.keeps && matches!(exchange.sending, Sending::Done);
    let body = ServiceBody::new(exchange.connection, head.framing, head.rest, keeps.then_some(pool))?;
    Ok(head.reply.map(|()| body))
}

struct Exchange {
    connection: Connection,
    sending: Sending,
    reader: HeadReader,
}

enum Sending {
    Running,
    Done,
    /// The service takes no more; it may have said why before.
    Broken(io::Error),
}

impl Exchange {
    fn poll<B: Body<Data = Bytes, Error = BodyError> + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        request: &mut Outgoing<B>,
    ) -> Poll<Result<ReplyHead, Failure>> {
        if let Sending::Running = self.sending {
            match request.poll_send(cx, &mut self.connection) {
                Poll::Ready(Ok(Ok(()))) => self.sending = Sending::Done,
                Poll::Ready(Ok(Err(error))) => self.sending = Sending::Broken(error),
                Poll::Ready(Err(failure)) => return Poll::Ready(Err(failure)),
                Poll::Pending => {}
            }
        }
        match self.poll_head(cx) {
            Poll::Ready(head) => Poll::Ready(head),
            Poll::Pending => match std::mem::replace(&mut self.sending, Sending::Done) {
                Sending::Broken(error) => Poll::Ready(Err(Failure::send(error))),
                going_on => {
                    self.sending = going_on;
                    Poll::Pending
                }
            },
        }
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<ReplyHead, Failure>> {
        loop {
            let reader = &mut self.reader;
            let take = |arrived: &[u8]| match arrived {
                [] => Err(Failure::closed(reader.has_heard())),
                arrived => reader.take(arrived),
            };
            let taken = ready!(self.connection.poll_read(cx, take));
            match taken.map_err(|error| Failure::receive(error, self.reader.has_heard()))? {
                Ok(Some(head)) => return Poll::Ready(Ok(head)),
                Ok(None) => {}
                Err(failure) => return Poll::Ready(Err(failure)),
            }
        }
    }
}
