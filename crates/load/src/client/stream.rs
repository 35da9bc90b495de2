//! Server-sent events (`GET /queue/stream`).

use super::{
    Call, Reply,
    wire::{Framing, Wire},
};
use std::{io, net::SocketAddr};

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its name: `position`, `admitted`, `closed`.
    pub name: String,
    /// Its data, JSON here.
    pub data: String,
}

/// An open stream; dropping it closes the connection.
pub struct Stream {
    wire: Wire,
    received: Vec<u8>,
}

impl Stream {
    pub(super) async fn open(address: SocketAddr, call: &Call<'_>) -> io::Result<Result<Self, Reply>> {
        let mut wire = Wire::open(address).await?;
        wire.write(&call.head(address)).await?;
        let head = wire.read_head().await?;
        if head.status != 200 || head.framing != Framing::Chunked {
            let mut body = Vec::new();
            if head.framing == Framing::Chunked {
                while wire.read_chunk(&mut body).await? {}
            } else if let Framing::Length(length) = head.framing {
                body = wire.read_length(length).await?;
            }
            return Ok(Err(Reply::new(head.status, None, body)));
        }
        Ok(Ok(Self {
            wire,
            received: Vec::new(),
        }))
    }

    /// The next event; none when the stream has ended.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn next(&mut self) -> io::Result<Option<Event>> {
        loop {
            if let Some(event) = take_event(&mut self.received) {
                return Ok(Some(event));
            }
            if !self.wire.read_chunk(&mut self.received).await? {
                return Ok(None);
            }
        }
    }
}

/// Takes the first whole event; comments, which are heartbeats, are skipped.
fn take_event(received: &mut Vec<u8>) -> Option<Event> {
    loop {
        let end = received.windows(2).position(|pair| pair == b"\n\n")? + 2;
        let text: Vec<u8> = received.drain(..end).collect();
        let text = String::from_utf8_lossy(&text);
        let field = |name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name))?;
            Some(value.strip_prefix(' ').unwrap_or(value).to_owned())
        };
        if let Some(data) = field("data:") {
            return Some(Event {
                name: field("event:").unwrap_or_else(|| "message".to_owned()),
                data,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_whole_and_heartbeats_are_no_events() {
        let mut received = b": hello\n\nevent: position\ndata: {\"position\":3}\n\nevent: admi".to_vec();
        let event = take_event(&mut received).unwrap();
        assert_eq!(
            (event.name.as_str(), event.data.as_str()),
            ("position", "{\"position\":3}")
        );
        assert_eq!(take_event(&mut received), None);
        received.extend_from_slice(b"tted\ndata:x\n\n");
        assert_eq!(take_event(&mut received).unwrap().name, "admitted");
    }
}
