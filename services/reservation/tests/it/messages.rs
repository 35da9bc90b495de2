//! Messages of payments and events, over Kafka.

use crate::helpers::{App, Buyer, SOON};
use chrono::{DateTime, Utc};
use messages::{
    ChangeKind, CompensateReservation, Envelope, EventChanged, Message, Metadata, PaymentFailed, PaymentRefunded,
    PaymentSuccess,
};
use outbox::{KafkaConfig, Logged};
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::{Value, json};
use std::time::Duration;
use test_support::{TestEnv, eventually};
use uuid::Uuid;

/// Payment and event service, as this one hears them.
pub(crate) struct Others {
    producer: FutureProducer<Logged>,
    prefix: String,
    pub(crate) at: DateTime<Utc>,
}

/// A booking under way.
pub(crate) struct Booking {
    pub(crate) buyer: Buyer,
    pub(crate) id: Uuid,
    pub(crate) payment: Uuid,
    pub(crate) seats: Vec<Uuid>,
}

impl Others {
    pub(crate) fn new(app: &App) -> Self {
        let kafka = KafkaConfig {
            brokers: app.env.kafka().to_owned(),
            prefix: app.env.topic_prefix().to_owned(),
        };
        let producer = kafka.producer(Duration::from_secs(10)).unwrap();
        Self {
            producer,
            prefix: kafka.prefix,
            at: common::Clock::system().now(),
        }
    }

    pub(crate) async fn send<M: Message>(&self, message: &M) {
        self.send_as(Uuid::now_v7(), message).await;
    }

    async fn send_as<M: Message>(&self, id: Uuid, message: &M) {
        let envelope = Envelope::wrap(message, id, self.at, Metadata::default()).unwrap();
        let (payload, key) = (serde_json::to_vec(&envelope).unwrap(), message.key().to_string());
        let topic = M::TOPIC.with_prefix(&self.prefix);
        self.producer
            .send(FutureRecord::to(&topic).key(&key).payload(&payload), SOON)
            .await
            .unwrap();
    }

    pub(crate) fn paid(&self, booking: &Booking) -> PaymentSuccess {
        PaymentSuccess {
            payment_id: booking.payment,
            reservation_id: booking.id,
            user_id: booking.buyer.id,
            concert_id: booking.buyer.event_id,
            seat_ids: booking.seats.clone(),
            amount: booking.amount(),
            currency: "KRW".to_owned(),
            payment_key: None,
            portone_transaction_id: "tx".to_owned(),
            paid_at: self.at,
            reservation_version: 2,
            grant_id: None,
        }
    }

    pub(crate) fn failed(&self, booking: &Booking, payment: Uuid) -> PaymentFailed {
        PaymentFailed {
            payment_id: payment,
            reservation_id: booking.id,
            user_id: booking.buyer.id,
            concert_id: booking.buyer.event_id,
            seat_ids: booking.seats.clone(),
            amount: booking.amount(),
            payment_key: None,
            failure_reason: "DECLINED".to_owned(),
            failed_at: self.at,
            holds_lock: true,
            reservation_version: None,
            grant_id: None,
        }
    }

    fn refunded(&self, booking: &Booking) -> PaymentRefunded {
        PaymentRefunded {
            payment_id: booking.payment,
            reservation_id: booking.id,
            user_id: booking.buyer.id,
            concert_id: booking.buyer.event_id,
            seat_ids: booking.seats.clone(),
            amount: booking.amount(),
            reason: "USER_REQUEST".to_owned(),
            requested_at: None,
            refunded_at: self.at,
            reservation_version: None,
            grant_id: None,
        }
    }

    fn compensation(&self, booking: &Booking) -> CompensateReservation {
        CompensateReservation {
            payment_id: booking.payment,
            reservation_id: booking.id,
            user_id: booking.buyer.id,
            concert_id: booking.buyer.event_id,
            seat_ids: booking.seats.clone(),
            amount: booking.amount(),
            reason: "REFUNDED_AT_PORTONE".to_owned(),
            requested_at: self.at,
            reservation_version: None,
            grant_id: None,
        }
    }
}

impl Booking {
    /// Two seats, locked for a payment.
    pub(crate) async fn locked(app: &App, first_seat: u128) -> Self {
        let seats = [first_seat, first_seat + 1];
        let (buyer, payment) = (app.buyer(), Uuid::now_v7());
        let id = buyer.hold(&seats).await;
        let booking = Self {
            buyer,
            id,
            payment,
            seats: seats.map(Uuid::from_u128).to_vec(),
        };
        let _ = app
            .lock(&booking.buyer, id, payment, booking.amount())
            .await
            .expect(200);
        booking
    }

    pub(crate) fn amount(&self) -> i64 {
        300_000
    }

    pub(crate) async fn becomes(&self, status: &str) -> Value {
        eventually(&format!("the reservation is {status}"), SOON, async || {
            let shown = self.buyer.reservation(self.id).await;
            (shown["status"] == status).then_some(shown)
        })
        .await
    }
}

pub(crate) async fn start() -> (App, Others) {
    let app = App::start_in(TestEnv::new().await.with_topics().await).await;
    let others = Others::new(&app);
    (app, others)
}

#[tokio::test]
async fn captured_money_sells_the_seats_once() {
    let (app, others) = start().await;
    let booking = Booking::locked(&app, 1).await;
    let message = Uuid::now_v7();
    others.send_as(message, &others.paid(&booking)).await;
    let shown = booking.becomes("CONFIRMED").await;
    assert_eq!(
        (&shown["paymentStatus"], &shown["paymentId"]),
        (&json!("SUCCESS"), &json!(booking.payment))
    );
    assert_eq!(app.seats("SOLD").await, [1, 2]);
    assert_eq!(app.redis_holder(1).await, None);

    // The same message again, the same news in another message, and a late failure change nothing; the last message of
    // the key shows that all of them have been handled.
    others.send_as(message, &others.paid(&booking)).await;
    others.send(&others.paid(&booking)).await;
    others.send(&others.failed(&booking, booking.payment)).await;
    others
        .send(&PaymentSuccess {
            payment_id: Uuid::now_v7(),
            ..others.paid(&booking)
        })
        .await;
    let refused = eventually("a second payment is refused", SOON, async || {
        app.messages("ReservationConfirmationFailed", booking.id).await.pop()
    })
    .await;
    assert_eq!(refused["reason"], "ALREADY_CONFIRMED");
    assert_ne!(refused["paymentId"], json!(booking.payment));
    let confirmed = app.messages("ReservationConfirmed", booking.id).await;
    assert_eq!(confirmed.len(), 1);
    assert_eq!(confirmed[0]["reservationVersion"], 3);
    assert_eq!(confirmed[0]["grantId"], json!(format!("grant-of-{}", booking.buyer.id)));
    assert_eq!(booking.buyer.reservation(booking.id).await["status"], "CONFIRMED");
}

#[tokio::test]
async fn money_that_comes_too_late_goes_back() {
    let (app, others) = start().await;
    // Cancelled before: the payment's own failure came first.
    let cancelled = Booking::locked(&app, 1).await;
    others.send(&others.failed(&cancelled, Uuid::now_v7())).await;
    others.send(&others.failed(&cancelled, cancelled.payment)).await;
    let shown = cancelled.becomes("CANCELLED").await;
    assert_eq!(shown["cancelReason"], "PAYMENT_FAILED");
    assert_eq!(
        shown["paymentId"],
        json!(cancelled.payment),
        "another payment's failure ended nothing"
    );
    others.send(&others.paid(&cancelled)).await;

    // A seat is somebody else's by now: the lock was lost, which no protocol allows, so that only the count tells.
    let short = Booking::locked(&app, 3).await;
    sqlx::query("delete from reservation_service.seat_assignments where reservation_id = $1 and seat_id = $2")
        .bind(short.id)
        .bind(short.seats[0])
        .execute(&app.database)
        .await
        .unwrap();
    let taker = app.buyer();
    redis::cmd("FLUSHDB")
        .query_async::<()>(&mut app.redis().await)
        .await
        .unwrap();
    let taken = taker.hold(&[3]).await;
    others.send(&others.paid(&short)).await;

    for (booking, reason, cancel_reason) in [
        (&cancelled, "ALREADY_CANCELLED", "PAYMENT_FAILED"),
        (&short, "SEATS_LOST", "CONFIRMATION_FAILED"),
    ] {
        let failed = eventually("the money goes back", SOON, async || {
            app.messages("ReservationConfirmationFailed", booking.id).await.pop()
        })
        .await;
        assert_eq!(
            (&failed["reason"], &failed["amount"]),
            (&json!(reason), &json!(300_000))
        );
        let shown = booking.buyer.reservation(booking.id).await;
        assert_eq!(
            (&shown["status"], &shown["cancelReason"]),
            (&json!("CANCELLED"), &json!(cancel_reason))
        );
        assert_eq!(shown["refund"]["status"], "REQUESTED");
        assert!(app.messages("ReservationConfirmed", booking.id).await.is_empty());
    }
    assert_eq!(taker.reservation(taken).await["status"], "PENDING");
    assert_eq!(app.seats("HOLD").await, [3]);

    // And is seen to have gone back.
    others.send(&others.refunded(&cancelled)).await;
    let shown = eventually("the refund shows", SOON, async || {
        let shown = cancelled.buyer.reservation(cancelled.id).await;
        (shown["refund"]["status"] == "SUCCEEDED").then_some(shown)
    })
    .await;
    assert_eq!(shown["paymentStatus"], "REFUNDED");
    assert!(shown["refund"]["completedAt"].is_string());
}

#[tokio::test]
async fn an_expired_hold_that_nobody_took_is_still_confirmed() {
    let env = TestEnv::new().await.with("SWEEP_INTERVAL_SECONDS", 600);
    let app = App::start_in(env.with_topics().await).await;
    let others = Others::new(&app);
    let booking = Booking::locked(&app, 1).await;
    let unlock = format!("/internal/reservations/{}/payment-unlock", booking.id);
    let payments = app.as_service(common::internal_auth::Service::Payment);
    let _ = payments
        .post(&unlock, &json!({"paymentId": booking.payment}))
        .await
        .expect(204);
    app.run_out(booking.id).await;
    others.send(&others.paid(&booking)).await;
    booking.becomes("CONFIRMED").await;
}

#[tokio::test]
async fn a_refund_by_hand_ends_the_reservation_and_is_not_refunded_again() {
    let (app, others) = start().await;
    let confirmed = Booking::locked(&app, 1).await;
    others.send(&others.paid(&confirmed)).await;
    confirmed.becomes("CONFIRMED").await;
    others
        .send(&CompensateReservation {
            payment_id: Uuid::now_v7(),
            ..others.compensation(&confirmed)
        })
        .await;
    others.send(&others.compensation(&confirmed)).await;
    let shown = confirmed.becomes("CANCELLED").await;
    assert_eq!(
        (&shown["cancelReason"], &shown["refund"]["status"]),
        (&json!("COMPENSATED"), &json!("SUCCEEDED"))
    );
    let told = app.messages("ReservationCancelled", confirmed.id).await;
    assert_eq!(told.len(), 1, "another payment's compensation ended nothing");
    assert_eq!(
        (&told[0]["reason"], &told[0]["wasConfirmed"]),
        (&json!("COMPENSATED"), &json!(true))
    );

    // Overtaking the success, which travels on another topic.
    let overtaken = Booking::locked(&app, 5).await;
    others.send(&others.compensation(&overtaken)).await;
    overtaken.becomes("CANCELLED").await;
    others.send(&others.paid(&overtaken)).await;
    eventually("the late success is refused", SOON, async || {
        app.messages("ReservationConfirmationFailed", overtaken.id).await.pop()
    })
    .await;
    let shown = overtaken.buyer.reservation(overtaken.id).await;
    assert_eq!(
        (&shown["cancelReason"], &shown["refund"]["status"]),
        (&json!("COMPENSATED"), &json!("SUCCEEDED"))
    );
}

#[tokio::test]
async fn who_cancels_after_a_refund_by_hand_is_not_left_waiting_for_the_money() {
    let (app, others) = start().await;
    let confirmed = Booking::locked(&app, 1).await;
    others.send(&others.paid(&confirmed)).await;
    confirmed.becomes("CONFIRMED").await;
    // The refund is told of on one topic, the compensation on another, and later.
    others.send(&others.refunded(&confirmed)).await;
    eventually("the refund shows", SOON, async || {
        let shown = confirmed.buyer.reservation(confirmed.id).await;
        (shown["refund"]["status"] == "SUCCEEDED").then_some(())
    })
    .await;
    let path = format!("/reservations/{}", confirmed.id);
    for answer in ["first", "repeated"] {
        let cancelled = confirmed.buyer.api.delete(&path).await.expect(200);
        let refund = json!({"status": "SUCCEEDED", "amount": 300_000});
        assert_eq!(cancelled["refund"], refund, "{answer}");
    }
    let shown = confirmed.buyer.reservation(confirmed.id).await;
    assert_eq!(
        (&shown["status"], &shown["refund"]["status"]),
        (&json!("CANCELLED"), &json!("SUCCEEDED"))
    );
}

#[tokio::test]
async fn a_changed_event_is_sold_at_its_new_price() {
    let (app, others) = start().await;
    assert_eq!(app.buyer().try_hold(&[1]).await.expect(201)["totalAmount"], 150_000);
    {
        let mut known = app.neighbours.known();
        (known.event.version, known.event.price) = (2, 99_000);
    }
    // Without a message the copy in memory serves.
    assert_eq!(app.buyer().try_hold(&[2]).await.expect(201)["totalAmount"], 150_000);
    let changed = EventChanged {
        concert_id: app.event_id,
        change: ChangeKind::Updated,
        version: 2,
        title: "Concert".to_owned(),
        event_start_at: others.at,
        event_end_at: others.at,
        sale_start_at: others.at,
        sale_end_at: others.at,
        max_tickets_per_user: 4,
        changed_at: others.at,
    };
    others.send(&changed).await;
    eventually("the change is known", SOON, async || {
        sqlx::query_scalar::<_, i64>("select version from reservation_service.event_versions where event_id = $1")
            .bind(app.event_id)
            .fetch_optional(&app.database)
            .await
            .unwrap()
    })
    .await;
    assert_eq!(app.buyer().try_hold(&[3]).await.expect(201)["totalAmount"], 99_000);
}
