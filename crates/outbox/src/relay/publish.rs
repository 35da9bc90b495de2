//! Sending a batch of rows.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use common::context::{TRACEPARENT_HEADER, TraceParent};
use futures_util::{StreamExt, stream::FuturesUnordered};
use rdkafka::{
    message::{Header, OwnedHeaders},
    producer::FutureRecord,
};
use tokio::sync::watch;
use uuid::Uuid;

use super::{leases::Lease, rows::Row};
use crate::{
    sender::{Fault, Sender},
    spans,
};

/// What became of one look at the outbox.
#[derive(Debug)]
pub(super) enum Pass {
    /// There is more at once.
    More,
    /// All that was there is sent.
    Done,
    /// Something is down.
    Failed,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Confirmed by the broker.
    pub(super) published: Vec<Uuid>,
    /// Refused for what they are.
    pub(super) unfit: Vec<(Uuid, String)>,
    /// Why the rest was not taken, if some was not.
    pub(super) broken: Option<String>,
}

/// Sends the rows, those of a key one after the other and the keys at the same time, and waits for every answer.
pub(super) async fn send(sender: &Sender, prefix: &str, rows: Vec<Row>, held: &watch::Receiver<Lease>) -> Sent {
    let read_at = Instant::now();
    let mut by_key: HashMap<String, Vec<Row>> = HashMap::new();
    for row in rows {
        by_key.entry(row.message_key.clone()).or_default().push(row);
    }
    let mut keys: FuturesUnordered<_> = by_key
        .into_values()
        .map(|rows| send_in_order(sender, prefix, rows, read_at, held))
        .collect();
    let mut all = Sent::default();
    while let Some(mut one) = keys.next().await {
        all.published.append(&mut one.published);
        all.unfit.append(&mut one.unfit);
        all.broken = all.broken.or(one.broken);
    }
    all
}

async fn send_in_order(
    sender: &Sender,
    prefix: &str,
    rows: Vec<Row>,
    read_at: Instant,
    held: &watch::Receiver<Lease>,
) -> Sent {
    let mut sent = Sent::default();
    for row in rows {
        if !held.borrow().holds() {
            sent.broken = Some("the lease ended while sending".to_owned());
            break;
        }
        let span = spans::sending(row.id, &row.headers);
        let result = send_one(sender, prefix, &row, span).await;
        if let Some(span) = span
            && !matches!(result, Err(Fault::Broker(_)))
        {
            let age = Duration::try_from_secs_f64(row.age_seconds).unwrap_or_default();
            let written = read_at.checked_sub(age).unwrap_or(read_at);
            spans::sent(span, &row, written, result.is_ok());
        }
        match result {
            Ok(()) => sent.published.push(row.id),
            // The rows behind it stay, or the key's order would be lost.
            Err(Fault::TooLarge(reason) | Fault::Unfit(reason)) => {
                sent.unfit.push((row.id, reason));
                break;
            }
            Err(Fault::Broker(reason)) => {
                sent.broken = Some(reason);
                break;
            }
        }
    }
    sent
}

async fn send_one(sender: &Sender, prefix: &str, row: &Row, span: Option<TraceParent>) -> Result<(), Fault> {
    let topic = format!("{prefix}{}", row.topic);
    let mut headers = OwnedHeaders::new_with_capacity(row.headers.len());
    // Who handles the message belongs under its sending, which belongs under what wrote it.
    let span = span.map(|span| span.text());
    for (key, value) in &row.headers.0 {
        let value = match &span {
            Some(span) if key == TRACEPARENT_HEADER => span.as_slice(),
            _ => value.as_bytes(),
        };
        headers = headers.insert(Header {
            key,
            value: Some(value),
        });
    }
    let record = FutureRecord::to(&topic)
        .key(&row.message_key)
        .payload(&row.payload)
        .headers(headers);
    sender.send(record).await
}
