//! Replies as they stand on the wire, one after the other, so that a test sees each of them and what comes behind.

use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// How long the gateway may take to close a connection, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// One reply.
#[derive(Clone, Debug, Default)]
pub(crate) struct WireReply {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// The body came to its announced end.
    pub(crate) complete: bool,
}

impl WireReply {
    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(other, _)| other == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The only value of a header; the empty text if there is none or several.
    pub(crate) fn header(&self, name: &str) -> &str {
        match self.all(name).as_slice() {
            [value] => value,
            _ => "",
        }
    }

    /// The problem's code, if it is one.
    pub(crate) fn code(&self) -> String {
        let problem: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        problem["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Sends bytes and reads all replies until the gateway closes.
///
/// # Errors
/// When it does not close, or what it says is no HTTP.
pub(crate) async fn exchange(address: SocketAddr, request: &[u8]) -> Result<Vec<WireReply>, String> {
    let bytes = tokio::time::timeout(PATIENCE, read_all(address, request))
        .await
        .map_err(|_| "the connection stays open".to_owned())?;
    let without_bodies = request.starts_with(b"HEAD ");
    parse_all(&bytes, without_bodies)
}

async fn read_all(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut from, mut to) = stream.into_split();
    let mut bytes = Vec::new();
    // The gateway may refuse before it has read everything; what it says counts, not that it stopped reading.
    let (_sent, _read) = tokio::join!(to.write_all(request), from.read_to_end(&mut bytes));
    bytes
}

/// All replies in what came.
pub(crate) fn parse_all(mut rest: &[u8], without_bodies: bool) -> Result<Vec<WireReply>, String> {
    let mut replies = Vec::new();
    while !rest.is_empty() {
        let (reply, behind) =
            parse(rest, without_bodies).ok_or_else(|| format!("no HTTP: {:?}", String::from_utf8_lossy(rest)))?;
        replies.push(reply);
        rest = behind;
    }
    Ok(replies)
}

fn parse(bytes: &[u8], without_body: bool) -> Option<(WireReply, &[u8])> {
    let end = find(bytes, b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let rest = &bytes[end + 4..];
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
    let headers = lines
        .map(|line| line.split_once(':'))
        .map(|line| line.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())))
        .collect::<Option<Vec<_>>>()?;
    let mut reply = WireReply {
        status,
        headers,
        ..WireReply::default()
    };
    let (body, behind, complete) = if without_body || status < 200 || matches!(status, 204 | 304) {
        (Vec::new(), rest, true)
    } else if reply.header("transfer-encoding") == "chunked" {
        chunked(rest)?
    } else {
        let announced = reply.header("content-length").parse().ok();
        let length = announced.unwrap_or(rest.len());
        let (body, behind) = rest.split_at(length.min(rest.len()));
        (body.to_vec(), behind, announced.is_none() || body.len() == length)
    };
    reply.body = String::from_utf8_lossy(&body).into_owned();
    reply.complete = complete;
    Some((reply, behind))
}

fn chunked(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8], bool)> {
    let mut body = Vec::new();
    loop {
        let Some(line) = find(rest, b"\r\n") else {
            return Some((body, &[], false));
        };
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).ok()?, 16).ok()?;
        rest = &rest[line + 2..];
        if size == 0 {
            return Some((body, rest.strip_prefix(b"\r\n")?, true));
        }
        if rest.len() < size + 2 {
            body.extend_from_slice(rest);
            return Some((body, &[], false));
        }
        body.extend_from_slice(&rest[..size]);
        rest = rest[size..].strip_prefix(b"\r\n")?;
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
