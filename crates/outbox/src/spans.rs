//! A message's way in its trace: from the commit to the broker, then in each consumer group, as OpenTelemetry's conventions
//! for messaging have it.

use std::{collections::BTreeMap, time::Instant};

use common::{
    context::{TRACEPARENT_HEADER, TraceParent},
    traces::{self, Notes, Span, SpanKind},
};
use messages::{ConsumerGroup, Envelope, Topic};
use rdkafka::{Message as _, message::OwnedMessage};
use uuid::Uuid;

use crate::{headers, relay::Row};

/// Where in its trace a row's sending is, if that is recorded. The span's id is made of the row's, so that a row that is sent
/// again is the same span and what consumers say they belong to is always there.
pub(crate) fn sending(id: Uuid, headers: &BTreeMap<String, String>) -> Option<TraceParent> {
    let written = TraceParent::parse(headers.get(TRACEPARENT_HEADER)?)?;
    let sending = written.child_of_id(id.as_u64_pair().1);
    traces::is_recorded(sending).then_some(sending)
}

/// Tells that a row that was written then has been sent, or that it never can be.
pub(crate) fn sent(at: TraceParent, row: &Row, written: Instant, is_fit: bool) {
    traces::record(at, SpanKind::Producer, written, written.elapsed(), |span| {
        span.name(format!("send {}", row.topic));
        describe(span, "send", row.topic.clone());
        span.set("messaging.message.id", row.id.to_string());
        describe_key(span, &row.topic, &row.message_key);
        if let Some(kind) = row.headers.get(headers::EVENT_TYPE) {
            span.set("message.kind", kind.clone());
        }
        if !is_fit {
            span.failed("unfit");
        }
    });
}

/// How a consumer is done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Processed {
    /// It took effect, now or before.
    Done,
    /// It went to the dead-letter topic.
    GivenUp,
    /// The shutdown came first; another replica handles it.
    Interrupted,
}

/// Tells that a consumer group is done with a message.
pub(crate) fn processed(
    at: TraceParent,
    notes: &Notes,
    group: ConsumerGroup,
    (message, envelope): (&OwnedMessage, &Envelope),
    began: Instant,
    how: Processed,
) {
    traces::record(at, SpanKind::Consumer, began, began.elapsed(), |span| {
        let topic = group.topic().name();
        span.name(format!("process {topic}"));
        describe(span, "process", topic);
        span.set("messaging.consumer.group.name", group.name());
        span.set("messaging.destination.partition.id", message.partition().to_string());
        span.set("messaging.kafka.offset", message.offset());
        span.set("messaging.message.id", envelope.event_id.to_string());
        if let Some(Ok(key)) = message.key().map(std::str::from_utf8) {
            describe_key(span, topic, key);
        }
        span.set("message.kind", envelope.event_type.clone());
        match how {
            Processed::Done => {}
            Processed::GivenUp => span.failed("dead_lettered"),
            Processed::Interrupted => span.failed("interrupted"),
        }
        span.take_notes(notes);
    });
}

/// The key is the id of what the message is about, by which a booking's traces are found.
fn describe_key(span: &mut Span, topic: &str, key: &str) {
    span.set("messaging.kafka.message.key", key.to_owned());
    let is = [
        Topic::PaymentEvents,
        Topic::ReservationEvents,
        Topic::CompensationEvents,
    ];
    if is.iter().any(|of_reservations| of_reservations.name() == topic) {
        span.set("reservation.id", key.to_owned());
    } else if Topic::EventEvents.name() == topic {
        span.set("event.id", key.to_owned());
    }
}

fn describe(span: &mut Span, operation: &'static str, topic: impl Into<traces::Value>) {
    span.set("messaging.system", "kafka");
    span.set("messaging.operation.name", operation);
    span.set("messaging.operation.type", operation);
    span.set("messaging.destination.name", topic);
}
