//! The request and its trace travel with the messages, and each message names its cause.

use common::{
    context::{self, RequestContext},
    lifecycle::Shutdown,
};
use messages::{Envelope, Message, PaymentSuccess, ReservationConfirmed, Topic};
use outbox::{Handled, Handler, HandlerError, Relay};
use rdkafka::Message as _;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::bench::{Bench, Running, header};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Answers each payment with a message of its own.
struct Confirmer;

impl Handler for Confirmer {
    const TYPES: &'static [&'static str] = &[PaymentSuccess::TYPE];

    async fn handle(&self, transaction: &mut PgConnection, message: &Envelope) -> Result<Handled, HandlerError> {
        let payment: PaymentSuccess = message.decode()?;
        let confirmed = ReservationConfirmed {
            reservation_id: payment.reservation_id,
            user_id: payment.user_id,
            concert_id: payment.concert_id,
            seat_ids: payment.seat_ids,
            amount: payment.amount,
            payment_id: payment.payment_id,
            confirmed_at: payment.paid_at,
            reservation_version: payment.reservation_version + 1,
            grant_id: payment.grant_id,
        };
        outbox::enqueue(transaction, &confirmed).await?;
        Ok(Handled::done())
    }
}

#[tokio::test]
async fn request_trace_and_cause_are_passed_on() {
    let bench = Bench::new().await;
    let shutdown = Shutdown::new();
    let payments = bench.relay();
    let outbox = payments.outbox();
    let reservations = Relay::new(bench.consumer.clone(), &bench.config.kafka, &bench.config.relay).unwrap();
    let consumer = bench.consumer(Confirmer).waking(&reservations.outbox());
    let _running = [
        Running::start(payments.run(shutdown.clone())),
        Running::start(reservations.run(shutdown.clone())),
        Running::start(consumer.run(shutdown.clone())),
    ];

    let request = RequestContext::from_parts(Some("client-7"), Some(&format!("00-{TRACE}-00f067aa0ba902b7-01")));
    let correlation = request.correlation_id();
    let key = Uuid::now_v7();
    let cause = context::scope(request, bench.pay(&outbox, key, "")).await;

    let answer = &bench.topic(Topic::ReservationEvents, 1).await[0];
    assert_eq!(header(answer, context::REQUEST_ID_HEADER).unwrap(), "client-7");
    assert!(
        header(answer, context::TRACEPARENT_HEADER)
            .unwrap()
            .starts_with(&format!("00-{TRACE}-"))
    );
    let envelope = Envelope::parse(answer.payload().unwrap()).unwrap();
    assert_eq!(envelope.metadata.correlation_id, Some(correlation));
    assert_eq!(envelope.metadata.causation_id, Some(cause));
    assert_eq!(envelope.aggregate_id, key);
    assert_eq!(envelope.event_id.get_version_num(), 7);
    let age: f64 = sqlx::query_scalar("select extract(epoch from clock_timestamp() - $1)::float8")
        .bind(envelope.timestamp)
        .fetch_one(&bench.admin)
        .await
        .unwrap();
    assert!(
        (0.0..60.0).contains(&age),
        "the timestamp is the database's time: {age}"
    );
}
