//! A message takes effect once, however often it arrives and whatever its handler does.

use std::time::Duration;

use common::lifecycle::Shutdown;
use messages::{SeatSold, Topic};
use test_support::eventually;
use uuid::Uuid;

use crate::bench::{Bench, Recorder, Running, SOON};

#[tokio::test]
async fn a_message_that_is_sent_again_takes_effect_once() {
    let bench = Bench::new().await;
    let relay = bench.relay();
    let outbox = relay.outbox();
    let shutdown = Shutdown::new();
    let _relay = Running::start(relay.run(shutdown.clone()));
    let _consumer = Running::start(bench.consumer(Recorder::default()).run(shutdown.clone()));
    let key = Uuid::now_v7();
    bench.pay(&outbox, key, "").await;
    bench.wait_for_effects(1).await;
    bench.wait_until_all_is_published().await;

    // As if the relay had died between sending and marking.
    sqlx::query("update common.outbox_events set published = false, published_at = null")
        .execute(&bench.admin)
        .await
        .unwrap();
    outbox.wake();
    bench.wait_until_all_is_published().await;
    bench.pay(&outbox, key, "").await;

    assert_eq!(bench.wait_for_effects(2).await, [(key, 1), (key, 2)]);
    assert_eq!(bench.topic(Topic::PaymentEvents, 3).await.len(), 3);
}

#[tokio::test]
async fn failures_that_pass_are_tried_again() {
    let mut bench = Bench::new().await;
    bench.config.consumer.handler_timeout = Duration::from_secs(2);
    let relay = bench.relay();
    let outbox = relay.outbox();
    let shutdown = Shutdown::new();
    let _relay = Running::start(relay.run(shutdown.clone()));
    let _consumer = Running::start(bench.consumer(Recorder::default()).run(shutdown.clone()));
    let key = Uuid::now_v7();
    for note in ["fails twice", "panics once", "hangs once", ""] {
        bench.pay(&outbox, key, note).await;
    }
    assert_eq!(
        bench.wait_for_effects(4).await,
        [(key, 1), (key, 2), (key, 3), (key, 4)]
    );
}

#[tokio::test]
async fn types_that_the_handler_does_not_know_are_passed_over() {
    let bench = Bench::new().await;
    let relay = bench.relay();
    let outbox = relay.outbox();
    let shutdown = Shutdown::new();
    let _relay = Running::start(relay.run(shutdown.clone()));
    let _consumer = Running::start(bench.consumer(Recorder::default()).run(shutdown.clone()));
    let key = Uuid::now_v7();
    let stranger = SeatSold {
        seat_id: key,
        concert_id: key,
        reservation_id: key,
        sold_at: chrono::DateTime::UNIX_EPOCH,
    };
    let stranger = messages::Envelope::wrap(
        &stranger,
        Uuid::now_v7(),
        chrono::DateTime::UNIX_EPOCH,
        messages::Metadata::default(),
    )
    .unwrap();
    bench
        .send_raw(
            Topic::PaymentEvents,
            &key.to_string(),
            &serde_json::to_vec(&stranger).unwrap(),
        )
        .await;
    bench.pay(&outbox, key, "").await;
    assert_eq!(bench.wait_for_effects(1).await, [(key, 1)]);
    let inbox: i64 = sqlx::query_scalar("select count(*) from reservation_service.processed_events")
        .fetch_one(&bench.admin)
        .await
        .unwrap();
    assert_eq!(inbox, 1);
}

#[tokio::test]
async fn a_consumer_that_stops_finishes_the_message_in_hand_and_leaves_the_rest() {
    let bench = Bench::new().await;
    let relay = bench.relay();
    let outbox = relay.outbox();
    let _relay = Running::start(relay.run(Shutdown::new()));
    let recorder = Recorder::default();
    let shutdown = Shutdown::new();
    let consumer = Running::start(bench.consumer(recorder.clone()).run(shutdown.clone()));
    let key = Uuid::now_v7();
    bench.pay(&outbox, key, "slow").await;
    bench.pay(&outbox, key, "").await;
    eventually("the handler to begin", SOON, async || {
        (!recorder.tries.lock().unwrap().is_empty()).then_some(())
    })
    .await;
    shutdown.cancel();
    consumer.end().await;
    assert_eq!(bench.effects().await, [(key, 1)]);

    let _next = Running::start(bench.consumer(recorder.clone()).run(Shutdown::new()));
    assert_eq!(bench.wait_for_effects(2).await, [(key, 1), (key, 2)]);
    let slow = recorder
        .tries
        .lock()
        .unwrap()
        .iter()
        .filter(|note| *note == "slow")
        .count();
    assert_eq!(slow, 1, "the offset was committed when the consumer left");
}

#[tokio::test]
async fn a_partition_with_a_long_backlog_is_paused_and_goes_on() {
    let bench = Bench::new().await;
    let key = Uuid::now_v7();
    for n in 1..=800 {
        let mut transaction = bench.producer.begin().await.unwrap();
        outbox::enqueue(&mut transaction, &crate::bench::payment(key, n, ""))
            .await
            .unwrap();
        transaction.commit().await.unwrap();
    }
    let shutdown = Shutdown::new();
    let _relay = Running::start(bench.relay().run(shutdown.clone()));
    bench.wait_until_all_is_published().await;
    let _consumer = Running::start(bench.consumer(Recorder::default()).run(shutdown.clone()));
    let expected: Vec<_> = (1..=800).map(|n| (key, n)).collect();
    assert_eq!(bench.wait_for_effects(800).await, expected);
}
