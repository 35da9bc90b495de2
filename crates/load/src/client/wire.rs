//! One connection: bytes out, replies in.

use super::Reply;
use httparse::{EMPTY_HEADER, Response, Status};
use std::{io, net::SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const MOST_HEADERS: usize = 64;

pub(super) struct Wire {
    stream: TcpStream,
    /// What was read and not yet used.
    buffer: Vec<u8>,
    reusable: bool,
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(usize),
    Chunked,
    /// With the connection.
    Close,
}

/// A reply's head.
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) framing: Framing,
    retry_after: Option<u64>,
}

impl Wire {
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
            reusable: true,
        })
    }

    /// Whether the other side has neither closed it nor said anything unasked.
    pub(super) fn is_open(&self) -> bool {
        let silent = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
        self.buffer.is_empty() && matches!(self.stream.try_read(&mut [0]), Err(error) if silent(&error))
    }

    /// Whether another request may follow.
    pub(super) fn is_reusable(&self) -> bool {
        self.reusable && self.buffer.is_empty()
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    pub(super) async fn read_reply(&mut self) -> io::Result<Reply> {
        let head = self.read_head().await?;
        let mut body = Vec::new();
        match head.framing {
            Framing::Length(length) => body = self.read_length(length).await?,
            Framing::Chunked => while self.read_chunk(&mut body).await? {},
            Framing::Close => {
                self.reusable = false;
                while self.fill().await.is_ok() {}
                body.append(&mut self.buffer);
            }
        }
        Ok(Reply::new(head.status, head.retry_after, body))
    }

    pub(super) async fn read_length(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < length {
            self.fill().await?;
        }
        let rest = self.buffer.split_off(length);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    pub(super) async fn read_head(&mut self) -> io::Result<Head> {
        loop {
            if let Some((head, length)) = self.parse_head()? {
                self.buffer.drain(..length);
                return Ok(head);
            }
            self.fill().await?;
        }
    }

    fn parse_head(&mut self) -> io::Result<Option<(Head, usize)>> {
        let mut headers = [EMPTY_HEADER; MOST_HEADERS];
        let mut response = Response::new(&mut headers);
        let Status::Complete(length) = response.parse(&self.buffer).map_err(io::Error::other)? else {
            return Ok(None);
        };
        let status = response.code.unwrap_or_default();
        let value = |name: &str| {
            let header = response
                .headers
                .iter()
                .find(|header| header.name.eq_ignore_ascii_case(name))?;
            std::str::from_utf8(header.value).ok()
        };
        let has = |name: &str, word: &str| value(name).is_some_and(|value| value.eq_ignore_ascii_case(word));
        if has("connection", "close") {
            self.reusable = false;
        }
        let length_of_body = value("content-length").and_then(|text| text.trim().parse().ok());
        let framing = match length_of_body {
            _ if matches!(status, 204 | 304) => Framing::Length(0),
            Some(length) => Framing::Length(length),
            None if has("transfer-encoding", "chunked") => Framing::Chunked,
            None => Framing::Close,
        };
        let retry_after = value("retry-after").and_then(|text| text.trim().parse().ok());
        let head = Head {
            status,
            framing,
            retry_after,
        };
        Ok(Some((head, length)))
    }

    /// Appends the next chunk; false after the last.
    pub(super) async fn read_chunk(&mut self, body: &mut Vec<u8>) -> io::Result<bool> {
        let (from, length) = loop {
            let malformed = |_| io::Error::other("a chunk has no size");
            if let Status::Complete((from, length)) = httparse::parse_chunk_size(&self.buffer).map_err(malformed)? {
                break (from, usize::try_from(length).map_err(io::Error::other)?);
            }
            self.fill().await?;
        };
        // Each chunk, the empty one too as nobody here sends trailers, is followed by a line's end.
        let end = from + length + 2;
        while self.buffer.len() < end {
            self.fill().await?;
        }
        body.extend_from_slice(&self.buffer[from..from + length]);
        self.buffer.drain(..end);
        Ok(length > 0)
    }

    async fn fill(&mut self) -> io::Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}
