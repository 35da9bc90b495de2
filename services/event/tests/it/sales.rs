//! From Kafka to the seat map.

use crate::helpers::{App, text};
use chrono::{DateTime, Utc};
use common::internal_auth::Service;
use messages::{
    CancelReason, ConfirmationFailure, Envelope, Message, Metadata, PaymentSuccess, ReservationCancelled,
    ReservationConfirmationFailed, ReservationConfirmed,
};
use outbox::{KafkaConfig, Logged};
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use test_support::{TestEnv, eventually};
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(20);

/// Payment and reservation service, as the event service hears them.
struct Others {
    producer: FutureProducer<Logged>,
    prefix: String,
    concert: Uuid,
    at: DateTime<Utc>,
}

/// A buyer's booking.
#[derive(Clone)]
struct Booking {
    reservation: Uuid,
    user: Uuid,
    seats: Vec<Uuid>,
}

impl Booking {
    fn of(seats: &[Uuid]) -> Self {
        Self {
            reservation: Uuid::now_v7(),
            user: Uuid::now_v7(),
            seats: seats.to_vec(),
        }
    }
}

impl Others {
    fn new(app: &App, concert: &str) -> Self {
        let kafka = KafkaConfig {
            brokers: app.env.kafka().to_owned(),
            prefix: app.env.topic_prefix().to_owned(),
        };
        Self {
            producer: kafka.producer(Duration::from_secs(10)).unwrap(),
            prefix: kafka.prefix,
            concert: concert.parse().unwrap(),
            at: app.clock.now(),
        }
    }

    async fn send<M: Message>(&self, message: &M) {
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

    fn paid(&self, booking: &Booking) -> PaymentSuccess {
        PaymentSuccess {
            payment_id: Uuid::now_v7(),
            reservation_id: booking.reservation,
            user_id: booking.user,
            concert_id: self.concert,
            seat_ids: booking.seats.clone(),
            amount: 150_000,
            currency: "KRW".to_owned(),
            payment_key: None,
            portone_transaction_id: "tx".to_owned(),
            paid_at: self.at,
            reservation_version: 1,
            grant_id: None,
        }
    }

    fn confirmed(&self, booking: &Booking) -> ReservationConfirmed {
        ReservationConfirmed {
            reservation_id: booking.reservation,
            user_id: booking.user,
            concert_id: self.concert,
            seat_ids: booking.seats.clone(),
            amount: 150_000,
            payment_id: Uuid::now_v7(),
            confirmed_at: self.at,
            reservation_version: 2,
            grant_id: None,
        }
    }

    fn cancelled(&self, booking: &Booking) -> ReservationCancelled {
        ReservationCancelled {
            reservation_id: booking.reservation,
            user_id: booking.user,
            concert_id: self.concert,
            seat_ids: booking.seats.clone(),
            amount: 150_000,
            reason: CancelReason::UserRequest,
            was_confirmed: true,
            payment_id: None,
            cancelled_at: self.at,
            reservation_version: 3,
            grant_id: None,
        }
    }

    fn failed(&self, booking: &Booking) -> ReservationConfirmationFailed {
        ReservationConfirmationFailed {
            reservation_id: booking.reservation,
            user_id: booking.user,
            concert_id: self.concert,
            seat_ids: booking.seats.clone(),
            amount: 150_000,
            payment_id: Uuid::now_v7(),
            reason: ConfirmationFailure::SeatsLost,
            failed_at: self.at,
            reservation_version: 3,
            grant_id: None,
        }
    }
}

async fn on_sale() -> (App, String, Vec<Uuid>) {
    let app = App::start_in(TestEnv::new().await.with_topics().await).await;
    let event = app.event().await;
    let catalogue = app
        .as_service(Service::Reservation)
        .get(&format!("/internal/events/{event}/seats"))
        .await
        .expect(200);
    let seats = catalogue["seats"]
        .as_array()
        .unwrap()
        .iter()
        .map(|seat| text(&seat["id"]).parse().unwrap())
        .collect();
    (app, event, seats)
}

async fn sold(app: &App, event: &str) -> Value {
    let path = format!("/internal/seats/status/{event}");
    app.as_service(Service::Reservation).get(&path).await.expect(200)["soldSeatIds"].clone()
}

async fn becomes_sold(app: &App, event: &str, expected: &[Uuid]) {
    eventually("the seats show as sold", SOON, async || {
        (sold(app, event).await == json!(expected)).then_some(())
    })
    .await;
}

async fn handled(app: &App, messages: i64) {
    eventually("the messages are handled", SOON, async || {
        // Not its own about the concert, which end what is cached.
        let count = app
            .count("SELECT count(*) FROM event_service.processed_events WHERE consumer <> 'event-event-consumer'")
            .await;
        (count == messages).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_seat_shows_as_sold_and_free_again_when_cancelled() {
    let (app, event, seats) = on_sale().await;
    let others = Others::new(&app, &event);
    // The first message also waits for the consumers to join their groups.
    let warm_up = Booking::of(&seats[3..]);
    others.send(&others.paid(&warm_up)).await;
    others.send(&others.cancelled(&warm_up)).await;
    handled(&app, 2).await;
    let path = format!("/events/{event}/seats");
    let map = app.user.get(&path).await;
    let (etag, before) = (
        map.header("etag").unwrap().to_owned(),
        map.expect(200)["version"].clone(),
    );

    let booking = Booking::of(&seats[..2]);
    let begun = Instant::now();
    others.send(&others.paid(&booking)).await;
    becomes_sold(&app, &event, &seats[..2]).await;
    let map = eventually("the map shows them", SOON, async || {
        let reply = app
            .user
            .with_header("if-none-match", &etag)
            .get(&format!("{path}?since={before}"))
            .await;
        (reply.status != 304).then(|| reply.expect(200))
    })
    .await;
    println!("sold after {:?}", begun.elapsed());
    let vip = &map["grades"][0];
    assert_eq!((&vip["total"], &vip["available"]), (&json!(2), &json!(0)));
    assert_eq!(
        vip["seats"][0],
        json!({"id": seats[0], "seatNumber": "A-1", "status": "SOLD"})
    );
    assert_eq!(map["grades"][1]["seats"], json!([]));
    let detail = app.public.get(&format!("/events/{event}")).await.expect(200);
    assert_eq!(
        detail["seatCounts"][0],
        json!({"grade": "VIP", "total": 2, "available": 0})
    );

    others.send(&others.confirmed(&booking)).await;
    handled(&app, 4).await;
    assert_eq!(sold(&app, &event).await, json!(&seats[..2]));
    others.send(&others.cancelled(&booking)).await;
    becomes_sold(&app, &event, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_turn_of_a_seat_is_reported_once() {
    let (app, event, seats) = on_sale().await;
    let others = Others::new(&app, &event);
    let booking = Booking::of(&seats[..1]);
    let (paid, id) = (others.paid(&booking), Uuid::now_v7());
    others.send_as(id, &paid).await;
    others.send_as(id, &paid).await;
    others.send(&paid).await;
    others.send(&others.confirmed(&booking)).await;
    handled(&app, 3).await;
    others.send(&others.failed(&booking)).await;
    handled(&app, 4).await;

    let said: Vec<(String, Value)> = sqlx::query_as(
        "SELECT event_type, payload->'payload' FROM common.outbox_events WHERE topic = 'seat.events' ORDER BY seq",
    )
    .fetch_all(&app.database().await)
    .await
    .unwrap();
    let types: Vec<&str> = said.iter().map(|(event_type, _)| event_type.as_str()).collect();
    assert_eq!(types, ["SeatSold", "SeatReleased"]);
    for (_, payload) in &said {
        assert_eq!(
            (&payload["seatId"], &payload["concertId"]),
            (&json!(seats[0]), &json!(event))
        );
        assert_eq!(payload["reservationId"], json!(booking.reservation));
    }
    eventually("they are sent", SOON, async || {
        let unsent = app
            .count("SELECT count(*) FROM common.outbox_events WHERE NOT published")
            .await;
        (unsent == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_payment_that_is_refused_leaves_the_seats_sold() {
    let (app, event, seats) = on_sale().await;
    let others = Others::new(&app, &event);
    let booking = Booking::of(&seats[..1]);
    others.send(&others.confirmed(&booking)).await;
    let refused = ReservationConfirmationFailed {
        reason: ConfirmationFailure::AlreadyConfirmed,
        ..others.failed(&booking)
    };
    others.send(&refused).await;
    handled(&app, 2).await;
    becomes_sold(&app, &event, &seats[..1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_overtakes_its_sale_leaves_the_seat_to_the_next_buyer() {
    let (app, event, seats) = on_sale().await;
    let others = Others::new(&app, &event);
    let (early, next) = (Booking::of(&seats[..2]), Booking::of(&seats[1..3]));
    others.send(&others.cancelled(&early)).await;
    handled(&app, 1).await;
    others.send(&others.paid(&early)).await;
    others.send(&others.paid(&next)).await;
    handled(&app, 3).await;
    assert_eq!(sold(&app, &event).await, json!(&seats[1..3]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_about_foreign_seats_becomes_a_dead_letter_and_the_others_go_on() {
    let (app, event, seats) = on_sale().await;
    let others = Others::new(&app, &event);
    let mut foreign = Booking::of(&[Uuid::now_v7()]);
    others.send(&others.paid(&foreign)).await;
    // The same key, so the same partition.
    foreign.seats = seats[..1].to_vec();
    others.send(&others.paid(&foreign)).await;
    becomes_sold(&app, &event, &seats[..1]).await;
}
