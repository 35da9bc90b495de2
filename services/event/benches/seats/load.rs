//! The load: requests written as they are, replies read as far as is needed to know that they are complete. A real client
//! would cost more than what is measured, on the same cores.

use anyhow::{Context, ensure};
use common::{
    Clock,
    context::RequestContext,
    identity::{Role, User},
    internal_auth::{SigningKey, outgoing_headers},
};
use http::Method;
use std::{fmt::Write as _, net::SocketAddr, sync::Arc, time::Duration};
use test_support::measure::{Load, closed_loop};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use uuid::Uuid;

/// The bytes of a GET with the gateway's credential, which holds for half a minute.
pub(crate) fn request(key: &SigningKey, path: &str, headers: &str) -> Arc<[u8]> {
    let user = User {
        id: Uuid::now_v7(),
        role: Role::User,
    };
    let context = RequestContext::new();
    let signed = outgoing_headers(key, &Clock::system(), &Method::GET, path, Some(user), &context);
    let mut request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\n{headers}");
    for (name, value) in &signed {
        // Writing to memory does not fail, and our own headers are text.
        let _ = write!(request, "{name}: {}\r\n", value.to_str().unwrap_or_default());
    }
    request.push_str("\r\n");
    request.into_bytes().into()
}

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
            reply: Vec::with_capacity(64 * 1024),
        })
    }

    /// Sends a request and reads its reply. Returns the status and how many bytes the body has.
    pub(crate) async fn call(&mut self, request: &[u8]) -> anyhow::Result<(u16, usize)> {
        self.stream.write_all(request).await?;
        self.reply.clear();
        loop {
            let read = self.stream.read_buf(&mut self.reply).await?;
            ensure!(read > 0, "the connection was closed in the middle of a reply");
            let Some(end) = self.reply.windows(4).position(|window| window == b"\r\n\r\n") else {
                continue;
            };
            let head = std::str::from_utf8(&self.reply[..end])?;
            let status = head.split(' ').nth(1).context("a status")?.parse()?;
            let length = head.lines().filter_map(|line| line.split_once(':'));
            let length = length
                .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .find_map(|(_, value)| value.trim().parse::<usize>().ok());
            let body = if status == 304 { 0 } else { length.context("a length")? };
            if self.reply.len() >= end + 4 + body {
                return Ok((status, body));
            }
        }
    }

    /// The body of the last reply.
    pub(crate) fn body(&self) -> &[u8] {
        let end = self.reply.windows(4).position(|window| window == b"\r\n\r\n");
        end.and_then(|end| self.reply.get(end + 4..)).unwrap_or_default()
    }

    /// A header of the last reply.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let head = String::from_utf8_lossy(&self.reply);
        let mut lines = head.lines().take_while(|line| !line.is_empty());
        lines.find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }
}

/// So many connections, each sending its next request as soon as it has its reply.
pub(crate) async fn load(
    address: SocketAddr,
    connections: usize,
    request: &Arc<[u8]>,
    duration: Duration,
) -> anyhow::Result<Load> {
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(Connection::open(address).await?);
    }
    let request = Arc::clone(request);
    let load = closed_loop(open, duration, move |mut connection| {
        let request = Arc::clone(&request);
        async move {
            let reply = connection.call(&request).await;
            assert!(matches!(reply, Ok((200 | 304, _))), "answered with {reply:?}");
            connection
        }
    });
    Ok(load.await)
}
