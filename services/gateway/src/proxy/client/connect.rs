use super::connection::Connection;
use http::uri::Authority;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpStream, lookup_host},
    sync::Mutex,
    time::timeout,
};

/// How long addresses of a name are believed: a burst of connections asks once, and a service that has moved is found.
const FRESH_FOR: Duration = Duration::from_secs(1);
const DEFAULT_PORT: u16 = 80;

/// Makes connections to one service.
#[derive(Debug)]
pub(in crate::proxy) struct Connector {
    place: Place,
    /// For looking up the name, and again for connecting.
    limit: Duration,
}

#[derive(Debug)]
enum Place {
    Address(SocketAddr),
    Name {
        host: String,
        port: u16,
        /// Held while looking up.
        known: Mutex<Option<(Instant, Vec<SocketAddr>)>>,
    },
}

impl Connector {
    pub(in crate::proxy) fn new(authority: &Authority, limit: Duration) -> Self {
        let port = authority.port_u16().unwrap_or(DEFAULT_PORT);
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let place = match host.parse::<IpAddr>() {
            Ok(address) => Place::Address((address, port).into()),
            Err(_) => Place::Name {
                host: host.to_owned(),
                port,
                known: Mutex::default(),
            },
        };
        Self { place, limit }
    }

    /// A new connection, to the first address of the name that takes one.
    ///
    /// # Errors
    /// When there is none within the time limit.
    pub(super) async fn connect(&self) -> io::Result<Connection> {
        let stream = match &self.place {
            Place::Address(address) => within(self.limit, TcpStream::connect(address)).await?,
            Place::Name { host, port, known } => {
                let addresses = within(self.limit, addresses(host, *port, known)).await?;
                self.first_of(&addresses).await?
            }
        };
        // It only saves latency, so a socket that refuses is used all the same.
        let _set = stream.set_nodelay(true);
        Ok(Connection::new(stream))
    }

    async fn first_of(&self, addresses: &[SocketAddr]) -> io::Result<TcpStream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        // Shared out, so that one that does not answer leaves time for the next.
        let limit = self.limit / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        for address in addresses {
            match within(limit, TcpStream::connect(address)).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// The system's resolver blocks, so tokio asks it on a thread of its own.
async fn addresses(
    host: &str,
    port: u16,
    known: &Mutex<Option<(Instant, Vec<SocketAddr>)>>,
) -> io::Result<Vec<SocketAddr>> {
    let mut known = known.lock().await;
    if let Some((_, addresses)) = known.as_ref().filter(|(at, _)| at.elapsed() < FRESH_FOR) {
        return Ok(addresses.clone());
    }
    let addresses: Vec<_> = lookup_host((host, port)).await?.collect();
    *known = Some((Instant::now(), addresses.clone()));
    Ok(addresses)
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let timely = timeout(limit, work).await;
    timely.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "it took too long")))
}
