//! What the queue does when it hears from others.

use crate::helpers::{Buyer, SOON, World, text};
use chrono::{DateTime, Utc};
use common::Clock;
use messages::{
    CancelReason, ChangeKind, Envelope, EventCancelled, EventChanged, Message, Metadata, ReservationCancelled,
    ReservationConfirmed,
};
use outbox::{KafkaConfig, Logged};
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::json;
use sqlx::PgPool;
use std::time::Duration;
use test_support::{TestEnv, eventually};
use uuid::Uuid;

/// Event and reservation service, as the queue hears them.
pub(crate) struct Others {
    producer: FutureProducer<Logged>,
    prefix: String,
    now: DateTime<Utc>,
}

impl Others {
    pub(crate) fn new(world: &World) -> Self {
        let kafka = KafkaConfig {
            brokers: world.env.kafka().to_owned(),
            prefix: world.env.topic_prefix().to_owned(),
        };
        let producer = kafka.producer(Duration::from_secs(10)).unwrap();
        Self {
            producer,
            prefix: kafka.prefix,
            now: Clock::system().now(),
        }
    }

    pub(crate) async fn say<M: Message>(&self, message: &M) {
        let envelope = Envelope::wrap(message, Uuid::now_v7(), self.now, Metadata::default()).unwrap();
        let (payload, key) = (serde_json::to_vec(&envelope).unwrap(), message.key().to_string());
        let topic = M::TOPIC.with_prefix(&self.prefix);
        self.producer
            .send(FutureRecord::to(&topic).key(&key).payload(&payload), SOON)
            .await
            .unwrap();
    }

    pub(crate) fn confirmed(&self, buyer: &Buyer, event: Uuid, grant_id: &str) -> ReservationConfirmed {
        ReservationConfirmed {
            reservation_id: Uuid::now_v7(),
            user_id: buyer.id,
            concert_id: event,
            seat_ids: vec![Uuid::now_v7()],
            amount: 150_000,
            payment_id: Uuid::now_v7(),
            confirmed_at: self.now,
            reservation_version: 3,
            grant_id: Some(grant_id.to_owned()),
        }
    }

    fn cancelled(&self, buyer: &Buyer, event: Uuid, grant_id: &str, reason: CancelReason) -> ReservationCancelled {
        ReservationCancelled {
            reservation_id: Uuid::now_v7(),
            user_id: buyer.id,
            concert_id: event,
            seat_ids: vec![Uuid::now_v7()],
            amount: 150_000,
            reason,
            was_confirmed: false,
            payment_id: None,
            cancelled_at: self.now,
            reservation_version: 3,
            grant_id: Some(grant_id.to_owned()),
        }
    }
}

async fn grant_id(world: &World, buyer: &Buyer, event: Uuid) -> String {
    let token = text(&buyer.admitted().await, "queueToken");
    text(&world.is_valid(&token, buyer.id, event).await, "grantId")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmed_reservation_ends_exactly_its_own_place_and_the_next_one_gets_it() {
    let world = World::start(TestEnv::new().await.with_topics().await, &[("MAX_ACTIVE", "1")], 1).await;
    let others = Others::new(&world);
    let (event, first, second) = (world.neighbours.event(), world.buyer(), world.buyer());
    first.enter(event).await;
    let grant = grant_id(&world, &first, event).await;
    second.enter(event).await;

    // None of these ends the place: seats given back, a declined card, somebody else's or an older grant.
    for reason in [
        CancelReason::HoldReleased,
        CancelReason::PaymentFailed,
        CancelReason::HoldExpired,
    ] {
        others.say(&others.cancelled(&first, event, &grant, reason)).await;
    }
    others.say(&others.confirmed(&first, event, "an-older-grant")).await;
    others.say(&others.confirmed(&second, event, &grant)).await;
    let database = PgPool::connect(&world.env.superuser_url()).await.unwrap();
    eventually("all five are heard", SOON, || async {
        let heard: i64 = sqlx::query_scalar("SELECT count(*) FROM queue_service.processed_events")
            .fetch_one(&database)
            .await
            .unwrap();
        (heard == 5).then_some(())
    })
    .await;
    assert_eq!(first.status().await.expect(200)["status"], "ADMITTED");
    assert_eq!(second.status().await.expect(200)["status"], "WAITING");

    others.say(&others.confirmed(&first, event, &grant)).await;
    second.admitted().await;
    assert_eq!(first.gone(event).await, json!(null));
    // Who is done may queue again, also elsewhere.
    first.enter(world.neighbours.event()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_event_sends_everybody_away() {
    let world = World::start(TestEnv::new().await.with_topics().await, &[("MAX_ACTIVE", "1")], 1).await;
    let others = Others::new(&world);
    let (event, admitted, waiting) = (world.neighbours.event(), world.buyer(), world.buyer());
    admitted.enter(event).await;
    let token = text(&admitted.admitted().await, "queueToken");
    waiting.enter(event).await;
    world.neighbours.change(event, |facts| facts.status = "CANCELLED");
    others
        .say(&EventCancelled {
            concert_id: event,
            version: 2,
            reason: "The artist is ill".to_owned(),
            cancelled_at: others.now,
        })
        .await;
    for buyer in [&admitted, &waiting] {
        assert_eq!(buyer.gone(event).await, "CLOSED");
        buyer.try_enter(event).await.expect_problem(409, "SALE_CLOSED");
    }
    assert_eq!(world.is_valid(&token, admitted.id, event).await["valid"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_event_sends_everybody_away() {
    let world = World::start(TestEnv::new().await.with_topics().await, &[("MAX_ACTIVE", "1")], 1).await;
    let others = Others::new(&world);
    let (event, admitted, waiting) = (world.neighbours.event(), world.buyer(), world.buyer());
    admitted.enter(event).await;
    let token = text(&admitted.admitted().await, "queueToken");
    waiting.enter(event).await;
    world.neighbours.delete(event);
    others
        .say(&EventChanged {
            concert_id: event,
            change: ChangeKind::Deleted,
            version: 2,
            title: "Concert".to_owned(),
            event_start_at: others.now,
            event_end_at: others.now,
            sale_start_at: others.now,
            sale_end_at: others.now,
            max_tickets_per_user: 4,
            changed_at: others.now,
        })
        .await;
    for buyer in [&admitted, &waiting] {
        assert_eq!(buyer.gone(event).await, "CLOSED");
        buyer.try_enter(event).await.expect_problem(404, "EVENT_NOT_FOUND");
    }
    assert_eq!(world.is_valid(&token, admitted.id, event).await["valid"], false);
}
