//! Until nothing moves any more.

use crate::town::Town;
use std::time::Duration;
use tokio::time::Instant;

/// Circuits between services open for a minute when their callee was away for long.
const LIMIT: Duration = Duration::from_secs(100);

/// The reads of failed payments that production makes after ten minutes, an hour and a day are made now. Only once no
/// confirm runs any more: a payment would look older than the call that charges it.
const TIME_PASSES: &str = "
    update payment_service.payments
    set confirm_started_at = confirm_started_at - interval '2 days', next_check_at = clock_timestamp()
    where next_check_at is not null and confirm_started_at > clock_timestamp() - interval '1 day'
";

/// What is still to come, each by its name, so that a run that does not come to rest says why.
const MOVING: [(&str, &str); 7] = [
    ("a message that has not left", "select count(*) from common.outbox_events where not published"),
    (
        "a message that a consumer has not handled",
        "select count(*)
         from common.outbox_events as message
         join (values
             ('PaymentSuccess', 'reservation-payment-consumer'), ('PaymentFailed', 'reservation-payment-consumer'),
             ('PaymentRefunded', 'reservation-payment-consumer'), ('PaymentSuccess', 'event-payment-consumer'),
             ('CompensateReservation', 'reservation-compensation-consumer'),
             ('ReservationConfirmed', 'event-reservation-consumer'), ('ReservationConfirmed', 'payment-reservation-consumer'),
             ('ReservationConfirmed', 'queue-reservation-consumer'), ('ReservationCancelled', 'event-reservation-consumer'),
             ('ReservationCancelled', 'payment-reservation-consumer'),
             ('ReservationConfirmationFailed', 'event-reservation-consumer'),
             ('ReservationConfirmationFailed', 'payment-reservation-consumer')
         ) as wanted (type, consumer) on wanted.type = message.event_type
         where not exists (
             select from reservation_service.processed_events as inbox
             where inbox.event_id = message.id and inbox.consumer = wanted.consumer
             union all
             select from payment_service.processed_events as inbox
             where inbox.event_id = message.id and inbox.consumer = wanted.consumer
             union all
             select from event_service.processed_events as inbox
             where inbox.event_id = message.id and inbox.consumer = wanted.consumer
             union all
             select from queue_service.processed_events as inbox
             where inbox.event_id = message.id and inbox.consumer = wanted.consumer
         )",
    ),
    ("an undecided payment", "select count(*) from payment_service.payments where status = 'PENDING'"),
    (
        "a payment that PortOne is to be asked about",
        "select count(*) from payment_service.payments where next_check_at is not null or unlock_due_at is not null",
    ),
    (
        "a refund under way",
        "select count(*) from payment_service.refunds where status in ('REQUESTED', 'PROCESSING')",
    ),
    ("a pending reservation", "select count(*) from reservation_service.reservations where status = 'PENDING'"),
    (
        "a webhook that was not looked into",
        "select count(*) from payment_service.webhook_deliveries where next_attempt_at is not null",
    ),
];

impl Town {
    /// Waits until nothing moves; tells what still does when that takes too long.
    pub(crate) async fn rest(&self) -> Result<(), String> {
        sqlx::query(TIME_PASSES).execute(&self.db).await.unwrap();
        let deadline = Instant::now() + LIMIT;
        let mut first = 0;
        loop {
            let (what, statement) = MOVING[first];
            if self.count(statement).await > 0 {
                if Instant::now() > deadline {
                    return Err(format!("no rest within {LIMIT:?}: there is {what}"));
                }
                // What rested may move again by what this one does.
                first = 0;
                tokio::time::sleep(Duration::from_millis(50)).await;
            } else if first + 1 < MOVING.len() {
                first += 1;
            } else {
                return Ok(());
            }
        }
    }
}
