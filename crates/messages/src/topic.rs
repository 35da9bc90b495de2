//! The topics, their size and how long they keep messages.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A Kafka topic. Topics are created by `ticketctl topics create`, never by the broker (design.md §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// What the reservation service decided.
    ReservationEvents,
    /// What the payment service decided.
    PaymentEvents,
    /// What the event service's seat projection did; for audits.
    SeatEvents,
    /// What the payment service asks the reservation service to undo.
    CompensationEvents,
    /// Changes and cancellations of concerts.
    EventEvents,
    /// Dead letters of [`Topic::ReservationEvents`].
    DlqReservation,
    /// Dead letters of [`Topic::PaymentEvents`].
    DlqPayment,
    /// Dead letters of [`Topic::SeatEvents`].
    DlqSeat,
    /// Dead letters of [`Topic::CompensationEvents`].
    DlqCompensation,
    /// Dead letters of [`Topic::EventEvents`].
    DlqEvent,
}

impl Topic {
    /// Every topic of the system.
    pub const ALL: [Self; 10] = [
        Self::ReservationEvents,
        Self::PaymentEvents,
        Self::SeatEvents,
        Self::CompensationEvents,
        Self::EventEvents,
        Self::DlqReservation,
        Self::DlqPayment,
        Self::DlqSeat,
        Self::DlqCompensation,
        Self::DlqEvent,
    ];

    /// The name without the deployment's prefix.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReservationEvents => "reservation.events",
            Self::PaymentEvents => "payment.events",
            Self::SeatEvents => "seat.events",
            Self::CompensationEvents => "compensation.events",
            Self::EventEvents => "event.events",
            Self::DlqReservation => "dlq.reservation",
            Self::DlqPayment => "dlq.payment",
            Self::DlqSeat => "dlq.seat",
            Self::DlqCompensation => "dlq.compensation",
            Self::DlqEvent => "dlq.event",
        }
    }

    /// The name on the broker: `KAFKA_TOPIC_PREFIX` keeps systems that share a broker apart.
    #[must_use]
    pub fn with_prefix(self, prefix: &str) -> String {
        format!("{prefix}{}", self.name())
    }

    /// The topic of this name without prefix.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }

    /// Where a message of this topic goes when a consumer cannot handle it; a dead letter's is its own topic.
    #[must_use]
    pub const fn dlq(self) -> Self {
        match self {
            Self::ReservationEvents | Self::DlqReservation => Self::DlqReservation,
            Self::PaymentEvents | Self::DlqPayment => Self::DlqPayment,
            Self::SeatEvents | Self::DlqSeat => Self::DlqSeat,
            Self::CompensationEvents | Self::DlqCompensation => Self::DlqCompensation,
            Self::EventEvents | Self::DlqEvent => Self::DlqEvent,
        }
    }

    /// Whether this topic holds dead letters.
    #[must_use]
    pub const fn is_dlq(self) -> bool {
        matches!(
            self,
            Self::DlqReservation | Self::DlqPayment | Self::DlqSeat | Self::DlqCompensation | Self::DlqEvent
        )
    }

    /// Number of partitions. Growing it moves keys to other partitions and so breaks their order: drain first.
    #[must_use]
    pub const fn partitions(self) -> i32 {
        if self.is_dlq() { 1 } else { 3 }
    }

    /// How long the broker keeps messages.
    #[must_use]
    pub const fn retention(self) -> Duration {
        if self.is_dlq() {
            DAY.saturating_mul(7)
        } else {
            DAY.saturating_mul(3)
        }
    }
}
