//! Messages between the services (§7): each takes effect once, whether its sender died before it could note that it was
//! sent, or its receiver before the commit, after it, or before the offset was stored.

use super::{
    Death,
    End::{Confirmed, Free, Refunded},
    Journey::{Declined, Pay, PayAndCancel, PayAndRefundByHand},
    die_everywhere,
};
use system_tests::Part;

pub(super) const RESERVATION: [Death; 8] = [
    Death::new(
        Part::Reservation,
        "outbox.consumer.before-commit reservation-payment-consumer PaymentSuccess",
        Pay,
        &[Confirmed],
    ),
    Death::new(
        Part::Reservation,
        "outbox.consumer.committed reservation-payment-consumer PaymentSuccess",
        Pay,
        &[Confirmed],
    ),
    Death::new(
        Part::Reservation,
        "outbox.consumer.handled reservation-payment-consumer PaymentSuccess",
        Pay,
        &[Confirmed],
    ),
    Death::new(
        Part::Reservation,
        "outbox.consumer.committed reservation-payment-consumer PaymentFailed",
        Declined,
        &[Free],
    ),
    Death::new(
        Part::Reservation,
        "outbox.consumer.before-commit reservation-payment-consumer PaymentRefunded",
        PayAndCancel,
        &[Refunded],
    ),
    Death::new(
        Part::Reservation,
        "outbox.consumer.before-commit reservation-compensation-consumer CompensateReservation",
        PayAndRefundByHand,
        &[Refunded],
    ),
    Death::new(
        Part::Reservation,
        "outbox.consumer.committed reservation-compensation-consumer CompensateReservation",
        PayAndRefundByHand,
        &[Refunded],
    ),
    Death::new(Part::Reservation, "outbox.relay.published", Pay, &[Confirmed]),
];

pub(super) const PAYMENT: [Death; 5] = [
    Death::new(
        Part::Payment,
        "outbox.consumer.before-commit payment-reservation-consumer ReservationCancelled",
        PayAndCancel,
        &[Refunded],
    ),
    Death::new(
        Part::Payment,
        "outbox.consumer.committed payment-reservation-consumer ReservationCancelled",
        PayAndCancel,
        &[Refunded],
    ),
    Death::new(
        Part::Payment,
        "outbox.consumer.handled payment-reservation-consumer ReservationCancelled",
        PayAndCancel,
        &[Refunded],
    ),
    Death::new(
        Part::Payment,
        "outbox.consumer.committed payment-reservation-consumer ReservationConfirmed",
        Pay,
        &[Confirmed],
    ),
    Death::new(Part::Payment, "outbox.relay.published", Pay, &[Confirmed]),
];

/// The seats' projection hears of a sale from two topics and of a release from one.
pub(super) const PROJECTION: [Death; 7] = [
    Death::new(
        Part::Event,
        "outbox.consumer.before-commit event-payment-consumer PaymentSuccess",
        Pay,
        &[Confirmed],
    ),
    Death::new(
        Part::Event,
        "outbox.consumer.committed event-payment-consumer PaymentSuccess",
        PayAndCancel,
        &[Refunded],
    ),
    Death::new(
        Part::Event,
        "outbox.consumer.handled event-payment-consumer PaymentSuccess",
        Pay,
        &[Confirmed],
    ),
    Death::new(
        Part::Event,
        "outbox.consumer.before-commit event-reservation-consumer ReservationConfirmed",
        Pay,
        &[Confirmed],
    ),
    Death::new(
        Part::Event,
        "outbox.consumer.committed event-reservation-consumer ReservationCancelled",
        PayAndCancel,
        &[Refunded],
    ),
    Death::new(
        Part::Event,
        "outbox.consumer.handled event-reservation-consumer ReservationCancelled",
        PayAndCancel,
        &[Refunded],
    ),
    Death::new(Part::Event, "outbox.relay.published", Pay, &[Confirmed]),
];

/// A confirmed booking frees its place in the line: Redis is told before the inbox's commit.
pub(super) const QUEUE: [Death; 3] = [
    Death::new(
        Part::Queue,
        "outbox.consumer.before-commit queue-reservation-consumer ReservationConfirmed",
        Pay,
        &[Confirmed],
    ),
    Death::new(
        Part::Queue,
        "outbox.consumer.committed queue-reservation-consumer ReservationConfirmed",
        Pay,
        &[Confirmed],
    ),
    Death::new(
        Part::Queue,
        "outbox.consumer.handled queue-reservation-consumer ReservationConfirmed",
        Pay,
        &[Confirmed],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_reservation_service_dies_around_each_message_and_each_counts_once() {
    die_everywhere(&[], &RESERVATION).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_payment_service_dies_around_each_message_and_each_counts_once() {
    die_everywhere(&[], &PAYMENT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seats_projection_dies_around_each_message_and_converges() {
    die_everywhere(&[], &PROJECTION).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_dies_around_each_message_and_the_place_is_free() {
    die_everywhere(&[], &QUEUE).await;
}
