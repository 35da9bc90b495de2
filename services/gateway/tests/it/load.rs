//! Clients that ask without pause and forgive nothing: a request that was sent is answered, or it counts as cut. Only a
//! connection that is refused is tried again.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

const GET: &str = "GET /events HTTP/1.1\r\nHost: x\r\n\r\n";
const POST: &str =
    "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

/// Clients at work.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    clients: JoinSet<()>,
}

/// What clients saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Statuses in their order.
    pub(crate) statuses: Vec<u16>,
    /// Requests that were sent and not answered.
    pub(crate) cut: Vec<String>,
    pub(crate) refused: usize,
}

impl Seen {
    pub(crate) fn count(&self, status: u16) -> usize {
        self.statuses.iter().filter(|seen| **seen == status).count()
    }
}

impl Load {
    /// Four clients that keep their connections and four that open a new one for each request; half of them POST.
    pub(crate) fn start(address: SocketAddr) -> Self {
        let (stop, seen) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Seen>>::default());
        let mut clients = JoinSet::new();
        for number in 0..8 {
            let request = if number % 2 == 0 { GET } else { POST };
            clients.spawn(client(
                address,
                request,
                number < 4,
                Arc::clone(&stop),
                Arc::clone(&seen),
            ));
        }
        Self { stop, seen, clients }
    }

    /// Waits until so many more were answered.
    pub(crate) async fn answers(&self, more: usize) {
        let count = || self.seen.lock().unwrap().statuses.len();
        let wanted = count() + more;
        test_support::eventually("requests are answered", Duration::from_secs(30), || async {
            (count() >= wanted).then_some(())
        })
        .await;
    }

    pub(crate) async fn stop(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.join_all().await;
        let seen = self.seen.lock().unwrap();
        seen.clone()
    }
}

async fn client(address: SocketAddr, request: &str, keep: bool, stop: Arc<AtomicBool>, seen: Arc<Mutex<Seen>>) {
    let mut kept = None;
    while !stop.load(Ordering::Relaxed) {
        let mut stream = match kept.take() {
            Some(stream) => stream,
            None => match TcpStream::connect(address).await {
                Ok(stream) => BufReader::new(stream),
                Err(_) => {
                    seen.lock().unwrap().refused += 1;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
        };
        let exchange = tokio::time::timeout(Duration::from_secs(20), exchange(&mut stream, request));
        match exchange
            .await
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
        {
            Ok((status, close)) => {
                seen.lock().unwrap().statuses.push(status);
                kept = (keep && !close).then_some(stream);
            }
            Err(error) => seen.lock().unwrap().cut.push(format!("{} {error}", &request[..4])),
        }
    }
}

/// The reply's status, and whether it was the connection's last.
async fn exchange(stream: &mut BufReader<TcpStream>, request: &str) -> std::io::Result<(u16, bool)> {
    stream.write_all(request.as_bytes()).await?;
    let (mut status, mut close, mut length) = (None, false, 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end().to_lowercase();
        match line.split_once(": ") {
            _ if line.is_empty() => break,
            Some(("connection", "close")) => close = true,
            Some(("content-length", text)) => length = text.parse().unwrap(),
            Some(_) => {}
            None => status = line.split(' ').nth(1).and_then(|status| status.parse().ok()),
        }
    }
    stream.read_exact(&mut vec![0; length]).await?;
    Ok((status.unwrap(), close))
}

/// Stands for what is in front of replicas: hands each connection to the first of them that takes it.
pub(crate) struct Balancer {
    pub(crate) address: SocketAddr,
    _serving: JoinSet<()>,
}

impl Balancer {
    pub(crate) async fn start(replicas: Vec<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut running = JoinSet::new();
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let replicas = replicas.clone();
                running.spawn(async move {
                    for replica in replicas {
                        if let Ok(mut stream) = TcpStream::connect(replica).await {
                            let _copied = tokio::io::copy_bidirectional(&mut client, &mut stream).await;
                            return;
                        }
                    }
                });
            }
        });
        Self {
            address,
            _serving: serving,
        }
    }
}
