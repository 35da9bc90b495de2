//! The names of the Kafka headers. `x-request-id` and `traceparent` are `common::context`'s.

/// The message's type, so that tools can tell without reading the payload.
pub const EVENT_TYPE: &str = "event-type";

/// On a dead letter: the topic it came from, without the deployment's prefix.
pub const DLQ_TOPIC: &str = "dlq-topic";
/// On a dead letter: its partition there.
pub const DLQ_PARTITION: &str = "dlq-partition";
/// On a dead letter: its offset there.
pub const DLQ_OFFSET: &str = "dlq-offset";
/// On a dead letter: the consumer group that could not handle it, without the deployment's prefix.
pub const DLQ_GROUP: &str = "dlq-group";
/// On a dead letter: why.
pub const DLQ_ERROR: &str = "dlq-error";
/// On a dead letter: how often it was tried.
pub const DLQ_ATTEMPTS: &str = "dlq-attempts";
/// On a dead letter whose payload is cut, because the whole was too large for the topic: how many bytes it had. The whole
/// message is still where it came from, for as long as that topic keeps it.
pub const DLQ_TRUNCATED: &str = "dlq-truncated";

/// On a replayed message: the only consumer group that shall handle it, without the deployment's prefix.
pub const REPLAY_GROUP: &str = "replay-group";

/// What was put on a message by its way through the dead-letter topic and is taken off when it goes there again.
pub const OF_DEAD_LETTERS: [&str; 8] = [
    DLQ_TOPIC,
    DLQ_PARTITION,
    DLQ_OFFSET,
    DLQ_GROUP,
    DLQ_ERROR,
    DLQ_ATTEMPTS,
    DLQ_TRUNCATED,
    REPLAY_GROUP,
];
