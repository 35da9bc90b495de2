//! The load: requests written as they are and replies read as far as is needed to know that they are good and complete. A
//! real client would cost more than some of the gateways, on a core that the upstream and Redis need too.

use anyhow::{Context, ensure};
use std::{
    net::SocketAddr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    task::{JoinError, JoinSet},
};

/// A connection that sends one request after the other.
pub(crate) struct Connection {
    stream: TcpStream,
    reply: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            reply: Vec::with_capacity(8 * 1024),
        })
    }

    /// Sends a request and reads its reply, which must be a 200.
    pub(crate) async fn call(&mut self, request: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(request).await?;
        self.reply.clear();
        while !is_complete(&self.reply)? {
            let read = self.stream.read_buf(&mut self.reply).await?;
            ensure!(read > 0, "the connection was closed in the middle of a reply");
        }
        Ok(())
    }
}

/// Whether the reply is all there.
///
/// # Errors
/// When it is no 200 with a length.
pub(crate) fn is_complete(reply: &[u8]) -> anyhow::Result<bool> {
    let Some(head) = reply.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(false);
    };
    let text = std::str::from_utf8(&reply[..head])?;
    ensure!(text.starts_with("HTTP/1.1 200"), "not a 200: {text}");
    let length = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .context("a reply without a length")?
        .1;
    Ok(reply.len() >= head + 4 + length.trim().parse::<usize>()?)
}

/// What a load came to.
pub(crate) struct Throughput {
    pub(crate) requests: u64,
    pub(crate) elapsed: Duration,
}

impl Throughput {
    pub(crate) fn per_second(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }
}

/// Each of some connections sends its next request as soon as it has its reply, those of all users in turn.
pub(crate) async fn closed_loop(
    address: SocketAddr,
    connections: usize,
    requests: &Arc<Vec<Vec<u8>>>,
    duration: Duration,
) -> anyhow::Result<Throughput> {
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(Connection::open(address).await?);
    }
    let started = Instant::now();
    let mut running = JoinSet::new();
    for (number, mut connection) in open.into_iter().enumerate() {
        let requests = Arc::clone(requests);
        running.spawn(async move {
            let mut sent = 0_u64;
            for request in requests.iter().cycle().skip(number).step_by(connections) {
                if started.elapsed() >= duration {
                    break;
                }
                connection.call(request).await?;
                sent += 1;
            }
            anyhow::Ok(sent)
        });
    }
    let mut requests = 0;
    while let Some(sent) = running.join_next().await {
        requests += sent??;
    }
    Ok(Throughput {
        requests,
        elapsed: started.elapsed(),
    })
}

/// Requests at a steady pace whatever becomes of the earlier ones, each on a connection that is free. A thread of its own keeps
/// the pace, because the runtime's timers know only milliseconds; a request's time runs from when it is sent.
pub(crate) async fn open_loop(
    address: SocketAddr,
    connections: usize,
    requests: &Arc<Vec<Vec<u8>>>,
    per_second: f64,
    duration: Duration,
) -> anyhow::Result<Vec<Duration>> {
    let mut free = Vec::with_capacity(connections);
    for _ in 0..connections {
        free.push(Connection::open(address).await?);
    }
    let calls = (per_second * duration.as_secs_f64()).max(1.0);
    let pace = duration.div_f64(calls);
    let (ticks, mut due) = mpsc::unbounded_channel();
    thread::spawn(move || {
        let started = Instant::now();
        let mut next = Duration::ZERO;
        while next < duration && ticks.send(()).is_ok() {
            next += pace;
            thread::sleep(next.saturating_sub(started.elapsed()));
        }
    });
    let mut running: JoinSet<anyhow::Result<(Connection, Duration)>> = JoinSet::new();
    let mut latencies = Vec::new();
    let mut done = |ended: Result<anyhow::Result<(Connection, Duration)>, JoinError>| {
        let (connection, latency) = ended??;
        latencies.push(latency);
        anyhow::Ok(connection)
    };
    let mut number = 0;
    while due.recv().await.is_some() {
        while let Some(ended) = running.try_join_next() {
            free.push(done(ended)?);
        }
        let mut connection = match free.pop() {
            Some(connection) => connection,
            None => done(running.join_next().await.context("no connection is left")?)?,
        };
        let requests = Arc::clone(requests);
        number += 1;
        running.spawn(async move {
            let began = Instant::now();
            connection.call(&requests[number % requests.len()]).await?;
            Ok((connection, began.elapsed()))
        });
    }
    while let Some(ended) = running.join_next().await {
        done(ended)?;
    }
    Ok(latencies)
}

/// Opens connections that send only the beginning of a request.
pub(crate) async fn slow_heads(address: SocketAddr, number: usize) -> anyhow::Result<Vec<TcpStream>> {
    let mut open = Vec::with_capacity(number);
    for _ in 0..number {
        let mut stream = TcpStream::connect(address).await.context("cannot connect")?;
        stream.write_all(b"GET /users/me HTTP/1.1\r\nHost:").await?;
        open.push(stream);
    }
    Ok(open)
}
