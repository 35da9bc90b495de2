//! The consumer groups: who reads which topic.

use crate::Topic;

/// A consumer group, named `<consumer>-<source>-consumer`. Each reads one topic, so that one slow source never holds up
/// another and a dead letter can be replayed to exactly the group that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConsumerGroup {
    name: &'static str,
    topic: Topic,
}

impl ConsumerGroup {
    /// The reservation service confirms and cancels by the payment's outcome.
    pub const RESERVATION_PAYMENT: Self = Self::new("reservation-payment-consumer", Topic::PaymentEvents);
    /// The reservation service undoes what was refunded behind its back.
    pub const RESERVATION_COMPENSATION: Self =
        Self::new("reservation-compensation-consumer", Topic::CompensationEvents);
    /// The reservation service cancels the reservations of a cancelled concert and follows its changes.
    pub const RESERVATION_EVENT: Self = Self::new("reservation-event-consumer", Topic::EventEvents);
    /// The event service's seat projection: claims by payment.
    pub const EVENT_PAYMENT: Self = Self::new("event-payment-consumer", Topic::PaymentEvents);
    /// The event service's seat projection: claims by reservation.
    pub const EVENT_RESERVATION: Self = Self::new("event-reservation-consumer", Topic::ReservationEvents);
    /// The event service drops cached concerts.
    pub const EVENT_EVENT: Self = Self::new("event-event-consumer", Topic::EventEvents);
    /// The payment service refunds what was cancelled.
    pub const PAYMENT_RESERVATION: Self = Self::new("payment-reservation-consumer", Topic::ReservationEvents);
    /// The queue service frees the place of who is done.
    pub const QUEUE_RESERVATION: Self = Self::new("queue-reservation-consumer", Topic::ReservationEvents);
    /// The queue service follows sale windows and closes the line of a cancelled concert.
    pub const QUEUE_EVENT: Self = Self::new("queue-event-consumer", Topic::EventEvents);

    /// Every group of the system.
    pub const ALL: [Self; 9] = [
        Self::RESERVATION_PAYMENT,
        Self::RESERVATION_COMPENSATION,
        Self::RESERVATION_EVENT,
        Self::EVENT_PAYMENT,
        Self::EVENT_RESERVATION,
        Self::EVENT_EVENT,
        Self::PAYMENT_RESERVATION,
        Self::QUEUE_RESERVATION,
        Self::QUEUE_EVENT,
    ];

    const fn new(name: &'static str, topic: Topic) -> Self {
        Self { name, topic }
    }

    /// The name without the deployment's prefix; also the `consumer` of an inbox row.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The group's name on the broker.
    #[must_use]
    pub fn with_prefix(self, prefix: &str) -> String {
        format!("{prefix}{}", self.name)
    }

    /// The topic it reads.
    #[must_use]
    pub const fn topic(self) -> Topic {
        self.topic
    }
}
