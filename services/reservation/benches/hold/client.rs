//! A buyer's connection. As small as can be, because it shares the machine with what is measured.

use common::{
    Clock,
    context::RequestContext,
    identity::{Role, User},
    internal_auth::{SigningKey, outgoing_headers},
};
use http::Method;
use std::fmt::Write as _;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use uuid::Uuid;

pub(crate) const PATH: &str = "/reservations/hold";

/// Signs and sends holds over one connection.
pub(crate) struct Client {
    stream: TcpStream,
    key: SigningKey,
    clock: Clock,
    received: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: std::net::SocketAddr, key: SigningKey) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            key,
            clock: Clock::system(),
            received: Vec::new(),
        })
    }

    /// Asks for the seats and returns the status.
    pub(crate) async fn hold(&mut self, user_id: Uuid, event_id: Uuid, seat_ids: &[Uuid]) -> anyhow::Result<u16> {
        let body = serde_json::json!({"eventId": event_id, "seatIds": seat_ids}).to_string();
        let user = User {
            id: user_id,
            role: Role::User,
        };
        let context = RequestContext::new();
        let headers = outgoing_headers(&self.key, &self.clock, &Method::POST, PATH, Some(user), &context);
        let mut request = format!(
            "POST {PATH} HTTP/1.1\r\nhost: bench\r\nx-queue-token: qr_good\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n",
            body.len()
        );
        for (name, value) in &headers {
            write!(request, "{name}: {}\r\n", value.to_str()?)?;
        }
        request.push_str("\r\n");
        request.push_str(&body);
        self.stream.write_all(request.as_bytes()).await?;
        self.reply().await
    }

    async fn reply(&mut self) -> anyhow::Result<u16> {
        self.received.clear();
        loop {
            anyhow::ensure!(
                self.stream.read_buf(&mut self.received).await? > 0,
                "the connection ended"
            );
            if let Some(message) = Message::parse(&self.received)
                && self.received.len() >= message.length
            {
                let status = message.head.split(' ').nth(1).unwrap_or_default();
                return Ok(status.parse()?);
            }
        }
    }
}

/// The head of an HTTP message whose body has a known length.
pub(crate) struct Message<'a> {
    pub(crate) head: &'a str,
    /// Head and body, in bytes.
    pub(crate) length: usize,
}

impl<'a> Message<'a> {
    /// Nothing while the head is not complete.
    pub(crate) fn parse(received: &'a [u8]) -> Option<Self> {
        let end = received.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let head = std::str::from_utf8(received.get(..end)?).ok()?;
        let body = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.trim().parse().ok())?
        });
        Some(Self {
            head,
            length: end + body.unwrap_or(0),
        })
    }
}
