//! An HTTP/1.1 client for one purpose: passing requests on to our own services.
//!
//! Everything happens on the task of the request, without a task of the connection beside it and without queues between
//! them: the head is written once, into one buffer ([`Outgoing`]), and stays there for the case that it must be sent again;
//! the reply is read into a buffer of the thread and copied once, in its true size ([`connection`]); a reply that comes in
//! one piece, as nearly all do, gives its connection back to the [`Pool`] before anybody reads its body.
//!
//! *Who may fail where.* A future that is dropped closes its connection, so a client that leaves cancels its request. A
//! connection is kept only behind a reply that was read to its end, with nothing behind it, to a request that was sent to
//! its end. A kept connection that has become readable says something that nobody asked for, or goodbye, and is not used
//! again. One that ends just when it is used costs nothing: the request is sent once more on a new one, if none of its bytes
//! had left or it may be repeated anyway.
//!
//! *Deliberately absent.* HTTP/2, TLS, proxies, upgrades, redirects, cookies, trailers: between the gateway and the services
//! there are none.

mod body;
mod connect;
mod connection;
mod exchange;
mod failure;
mod framing;
mod outgoing;
mod pool;
mod reply_head;
#[cfg(test)]
mod tests;

pub(crate) use body::ServiceBody;
pub(super) use connect::Connector;
pub(super) use failure::Failure;
pub(super) use outgoing::{Outgoing, RequestHead};
pub(super) use pool::{Pool, Pools};

use crate::body::BodyError;
use bytes::Bytes;
use http::Response;
use hyper::body::Body;
use std::{net::SocketAddr, sync::Arc};

/// Sends a request to the replica at this address and waits for the reply's head.
///
/// # Errors
/// When there is no reply, or none that can be read in one way only.
pub(super) async fn call<B: Body<Data = Bytes, Error = BodyError> + Unpin>(
    connector: &Connector,
    address: SocketAddr,
    pool: &Arc<Pool>,
    request: &mut Outgoing<B>,
) -> Result<Response<ServiceBody>, Failure> {
    if let Some(connection) = pool.take(address) {
        match exchange::exchange(connection, request, pool).await {
            Err(failure) if failure.is_silence() && request.rewind() => {}
            ended => return ended,
        }
    }
    let connection = connector.connect(address).await.map_err(Failure::connect)?;
    exchange::exchange(connection, request, pool).await
}
