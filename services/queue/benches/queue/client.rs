//! A buyer's connection. As small as can be, because it shares the machine with what is measured.

use common::{
    Clock,
    context::RequestContext,
    identity::{Role, User},
    internal_auth::{SigningKey, outgoing_headers},
};
use http::Method;
use std::{fmt::Write as _, net::SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use uuid::Uuid;

/// Signs and sends requests over one connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    key: SigningKey,
    clock: Clock,
    received: Vec<u8>,
}

impl Client {
    /// From an address of this machine's own, because there are more connections than ports of one.
    pub(crate) async fn connect(from: [u8; 4], to: SocketAddr, key: SigningKey) -> anyhow::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((from, 0)))?;
        let stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            key,
            clock: Clock::system(),
            received: Vec::new(),
        })
    }

    /// The status of the reply, when all of it has come.
    pub(crate) async fn call(&mut self, method: Method, path: &str, user: Uuid, body: &str) -> anyhow::Result<u16> {
        self.send(method, path, user, body).await?;
        self.reply().await
    }

    pub(crate) async fn send(&mut self, method: Method, path: &str, user: Uuid, body: &str) -> anyhow::Result<()> {
        let user = User {
            id: user,
            role: Role::User,
        };
        let headers = outgoing_headers(
            &self.key,
            &self.clock,
            &method,
            path,
            Some(user),
            &RequestContext::new(),
        );
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        );
        for (name, value) in &headers {
            write!(request, "{name}: {}\r\n", value.to_str()?)?;
        }
        request.push_str("\r\n");
        request.push_str(body);
        self.stream.write_all(request.as_bytes()).await?;
        Ok(())
    }

    async fn reply(&mut self) -> anyhow::Result<u16> {
        self.received.clear();
        loop {
            let read = self.stream.read_buf(&mut self.received).await?;
            anyhow::ensure!(read > 0, "the connection ended");
            if let Some((status, length)) = head(&self.received)
                && self.received.len() >= length
            {
                return Ok(status);
            }
        }
    }
}

/// Status and length of a reply whose head has come, if its body has a known length.
fn head(received: &[u8]) -> Option<(u16, usize)> {
    let end = received.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(received.get(..end)?).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    Some((status, end + body.unwrap_or(0)))
}
