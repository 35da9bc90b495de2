//! The event and the queue service as far as a hold needs them, answering what they were given. Real ones would take turns
//! with the measured service on the same cores, in ours and the peer's case alike.

use crate::client::Message;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use uuid::Uuid;

/// Runs until dropped.
pub(crate) struct Neighbours {
    pub(crate) address: SocketAddr,
    _running: JoinSet<()>,
}

/// What the event service says of the event on sale, but for its seats.
pub(crate) fn event_info(event_id: Uuid, now: DateTime<Utc>) -> Value {
    json!({
        "eventId": event_id,
        "title": "겨울 콘서트",
        "artist": "The Band",
        "venueName": "Olympic Hall",
        "hallName": "Main",
        "status": "ONGOING",
        "saleStartAt": now - TimeDelta::hours(1),
        "saleEndAt": now + TimeDelta::days(29),
        "eventStartAt": now + TimeDelta::days(30),
        "eventEndAt": now + TimeDelta::days(30) + TimeDelta::hours(2),
        "maxTicketsPerUser": 4,
        "version": 1,
        "readAt": now,
    })
}

impl Neighbours {
    pub(crate) async fn start(event: &Value, seats: &[Uuid]) -> anyhow::Result<Self> {
        let seats: Vec<Value> = seats
            .iter()
            .map(|id| json!({"id": id, "seatNumber": "A-12", "grade": "VIP", "price": 150_000}))
            .collect();
        let later = &event["saleEndAt"];
        let mut catalogue = event.clone();
        catalogue["seats"] = json!(seats);
        let replies = Arc::new([
            ("/seats", reply("200 OK", &catalogue)),
            (
                "/tokens/validate",
                reply(
                    "200 OK",
                    &json!({"valid": true, "grantId": "grant", "expiresAt": later}),
                ),
            ),
            (
                "/payment-tokens",
                reply("201 Created", &json!({"paymentToken": "qp_good", "expiresAt": later})),
            ),
        ]);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let replies = Arc::clone(&replies);
                connections.spawn(async move {
                    // The connection is over, or the bench is.
                    let _ended = serve(stream, &replies[..]).await;
                });
            }
        });
        Ok(Self {
            address,
            _running: running,
        })
    }
}

fn reply(status: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

async fn serve(mut stream: TcpStream, replies: &[(&str, Vec<u8>)]) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut received = Vec::new();
    while stream.read_buf(&mut received).await? > 0 {
        let Some(message) = Message::parse(&received) else {
            continue;
        };
        if received.len() < message.length {
            continue;
        }
        let line = message.head.lines().next().unwrap_or_default();
        let known = replies.iter().find(|(path, _)| line.contains(path));
        let missing = reply("404 Not Found", &json!({"code": "NOT_FOUND"}));
        stream.write_all(known.map_or(&missing, |(_, reply)| reply)).await?;
        received.clear();
    }
    Ok(())
}
