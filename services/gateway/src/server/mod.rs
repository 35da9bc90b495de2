//! The gateway's own serve loop: TLS, limits on connections, time limits on heads, on idle connections and on clients that do
//! not take their replies, graceful end.
//!
//! Of a connection that is cut by a limit nothing is heard but a closed socket; what the limits are is in
//! [`ConnectionConfig`](crate::config::ConnectionConfig).

mod addresses;
pub(crate) mod chunks;
mod connection;
pub(crate) mod head;
mod http2;
mod patience;
mod reply;
mod request_body;
mod shards;
mod stream;
mod tls;
mod wire;

pub(crate) use head::BadHead;
pub(crate) use request_body::RequestStream;
pub(crate) use tls::tls_settings;

use crate::{Config, pipeline::Gateway};
use addresses::{Addresses, Counted};
use common::{
    lifecycle::Ending,
    serving::{self, Accepted},
};
use shards::Shards;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use stream::Stream;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Serves connections until the ending closes, then lets running requests end; each thread by a gateway of its own.
pub(crate) async fn serve(
    listener: TcpListener,
    ending: Ending,
    config: Config,
    gateway_of_a_thread: impl Fn() -> anyhow::Result<Gateway>,
) {
    let addresses = Addresses::default();
    let shards = Shards::start(|| {
        let server = Server {
            gateway: Arc::new(gateway_of_a_thread()?),
            ending: ending.clone(),
        };
        Ok(move |stream, peer| server.clone().connection(stream, peer))
    });
    match shards {
        Ok(shards) => {
            let shards = Arc::new(shards);
            let connection = |accepted: Accepted| {
                // Here and not on its thread, so that who came first is counted first.
                let counted = count(&config, &addresses, accepted.peer.ip());
                let shards = Arc::clone(&shards);
                async move {
                    match counted {
                        Ok(_counted) => shards.serve(accepted).await,
                        Err(TooMany) => metrics::counter!("gateway_connections_refused_total").increment(1),
                    }
                }
            };
            serving::accept(listener, &ending, config.connections.max, connection).await;
        }
        Err(error) => {
            tracing::error!(error.message = %format!("{error:#}"), "no thread could be started, so nothing is served");
        }
    }
}

#[derive(Clone)]
struct Server {
    gateway: Arc<Gateway>,
    ending: Ending,
}

impl Server {
    async fn connection(self, stream: TcpStream, peer: SocketAddr) {
        let config = &self.gateway.config().connections;
        let open = metrics::gauge!("gateway_connections_open");
        open.increment(1.0);
        // It only saves latency, so a socket that refuses is served all the same.
        let _set = stream.set_nodelay(true);
        let ended = match &config.tls {
            None => self.http1(Stream::Plain(stream), peer).await,
            Some(settings) => {
                let acceptor = TlsAcceptor::from(Arc::clone(&settings.get()));
                // In boxes, so that plain connections need no room for them.
                match Box::pin(self.handshake(acceptor, stream)).await {
                    Some(stream) if stream.get_ref().1.alpn_protocol() == Some(tls::HTTP2) => {
                        let serving = Box::pin(http2::serve(stream, peer, Arc::clone(&self.gateway), &self.ending));
                        serving.await.map_err(io::Error::other)
                    }
                    Some(stream) => self.http1(Stream::Tls(Box::new(stream)), peer).await,
                    None => Ok(()),
                }
            }
        };
        if let Err(error) = ended {
            // Clients that leave or speak no HTTP are no event; who looks for them turns on this level.
            tracing::debug!(error.message = %error, "a connection ended early");
        }
        open.decrement(1.0);
    }

    async fn handshake(&self, acceptor: TlsAcceptor, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        let limit = self.gateway.config().connections.head_timeout;
        match tokio::time::timeout(limit, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(error.message = %error, "a TLS handshake failed");
                None
            }
            Err(_) => {
                tracing::debug!("a TLS handshake took too long");
                None
            }
        }
    }

    async fn http1(&self, stream: Stream, peer: SocketAddr) -> io::Result<()> {
        connection::serve(stream, peer, &self.gateway, &self.ending).await
    }
}

/// Counts a connection against its address, unless it is a proxy's, which comes for many.
fn count(config: &Config, addresses: &Addresses, address: IpAddr) -> Result<Option<Counted>, TooMany> {
    let address = address.to_canonical();
    if config.trusted_proxies.iter().any(|network| network.contains(&address)) {
        return Ok(None);
    }
    let counted = addresses.count(address, config.connections.max_per_address);
    counted.map(Some).ok_or(TooMany)
}

/// An address has as many connections as it may.
struct TooMany;
