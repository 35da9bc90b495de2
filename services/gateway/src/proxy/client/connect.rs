use super::connection::Connection;
use std::{io, net::SocketAddr, time::Duration};
use tokio::{net::TcpStream, time::timeout};

/// Makes connections to services.
#[derive(Debug)]
pub(in crate::proxy) struct Connector {
    limit: Duration,
}

impl Connector {
    pub(in crate::proxy) fn new(limit: Duration) -> Self {
        Self { limit }
    }

    /// A new connection.
    ///
    /// # Errors
    /// When there is none within the time limit.
    pub(super) async fn connect(&self, address: SocketAddr) -> io::Result<Connection> {
        let connected = timeout(self.limit, TcpStream::connect(address)).await;
        let stream = connected.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "it took too long")))?;
        // It only saves latency, so a socket that refuses is used all the same.
        let _set = stream.set_nodelay(true);
        Ok(Connection::new(stream, address))
    }
}
