//! Which consumer group handles which message (design.md §7).

use messages::{
    CompensateReservation, ConsumerGroup, EventCancelled, EventChanged, Message, PaymentFailed, PaymentRefunded,
    PaymentSuccess, ReservationCancelled, ReservationConfirmationFailed, ReservationConfirmed,
};
use serde_json::json;

/// Message type and group. Messages for audits (`SeatSold`, `SeatReleased`) have no group.
const DELIVERIES: [(&str, ConsumerGroup); 19] = [
    (PaymentSuccess::TYPE, ConsumerGroup::RESERVATION_PAYMENT),
    (PaymentSuccess::TYPE, ConsumerGroup::EVENT_PAYMENT),
    (PaymentFailed::TYPE, ConsumerGroup::RESERVATION_PAYMENT),
    (PaymentRefunded::TYPE, ConsumerGroup::RESERVATION_PAYMENT),
    (CompensateReservation::TYPE, ConsumerGroup::RESERVATION_COMPENSATION),
    (ReservationConfirmed::TYPE, ConsumerGroup::EVENT_RESERVATION),
    (ReservationConfirmed::TYPE, ConsumerGroup::PAYMENT_RESERVATION),
    (ReservationConfirmed::TYPE, ConsumerGroup::QUEUE_RESERVATION),
    (ReservationCancelled::TYPE, ConsumerGroup::EVENT_RESERVATION),
    (ReservationCancelled::TYPE, ConsumerGroup::PAYMENT_RESERVATION),
    (ReservationCancelled::TYPE, ConsumerGroup::QUEUE_RESERVATION),
    (ReservationConfirmationFailed::TYPE, ConsumerGroup::EVENT_RESERVATION),
    (ReservationConfirmationFailed::TYPE, ConsumerGroup::PAYMENT_RESERVATION),
    (EventChanged::TYPE, ConsumerGroup::RESERVATION_EVENT),
    (EventChanged::TYPE, ConsumerGroup::QUEUE_EVENT),
    (EventChanged::TYPE, ConsumerGroup::EVENT_EVENT),
    (EventCancelled::TYPE, ConsumerGroup::RESERVATION_EVENT),
    (EventCancelled::TYPE, ConsumerGroup::QUEUE_EVENT),
    (EventCancelled::TYPE, ConsumerGroup::EVENT_EVENT),
];

/// As JSON, for `jsonb_to_recordset`.
pub(crate) fn deliveries() -> String {
    DELIVERIES
        .iter()
        .map(|(event_type, group)| json!({"event_type": event_type, "consumer": group.name()}))
        .collect::<serde_json::Value>()
        .to_string()
}
