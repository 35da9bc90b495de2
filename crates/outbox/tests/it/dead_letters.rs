//! What cannot be handled leaves the partition's way.

use common::lifecycle::Shutdown;
use messages::{ConsumerGroup, Envelope, Metadata, Topic};
use outbox::{Consumer, headers};
use rdkafka::{
    Message as _,
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};
use uuid::Uuid;

use crate::bench::{Bench, GROUP, Recorder, Running, SOON, header, payment};

#[tokio::test]
async fn poison_goes_to_the_dead_letter_topic_and_the_partition_goes_on() {
    let bench = Bench::new().await;
    let relay = bench.relay();
    let outbox = relay.outbox();
    let shutdown = Shutdown::new();
    let _relay = Running::start(relay.run(shutdown.clone()));
    let recorder = Recorder::default();
    let _consumer = Running::start(bench.consumer(recorder.clone()).run(shutdown.clone()));
    let key = Uuid::now_v7();
    let never = bench.pay(&outbox, key, "never").await;
    let failing = bench.pay(&outbox, key, "always fails").await;
    bench.pay(&outbox, key, "").await;

    assert_eq!(
        bench.wait_for_effects(1).await,
        [(key, 3)],
        "what failed must leave nothing behind"
    );
    let dead = bench.topic(Topic::DlqPayment, 2).await;
    let ids: Vec<Uuid> = dead
        .iter()
        .map(|message| Envelope::parse(message.payload().unwrap()).unwrap().event_id)
        .collect();
    assert_eq!(ids, [never, failing]);
    let original = &bench.topic(Topic::PaymentEvents, 3).await[0];
    for (index, (attempts, error)) in [("1", "it cannot be done"), ("4", "not this time")]
        .into_iter()
        .enumerate()
    {
        let message = &dead[index];
        assert_eq!(message.key(), original.key());
        assert_eq!(header(message, headers::DLQ_TOPIC).unwrap(), "payment.events");
        assert_eq!(
            header(message, headers::DLQ_PARTITION).unwrap(),
            original.partition().to_string()
        );
        assert_eq!(header(message, headers::DLQ_OFFSET).unwrap(), index.to_string());
        assert_eq!(header(message, headers::DLQ_GROUP).unwrap(), GROUP.name());
        assert_eq!(header(message, headers::DLQ_ATTEMPTS).unwrap(), attempts);
        assert_eq!(header(message, headers::DLQ_ERROR).unwrap(), error);
        assert_eq!(header(message, headers::EVENT_TYPE).unwrap(), "PaymentSuccess");
    }
    assert_eq!(
        recorder
            .tries
            .lock()
            .unwrap()
            .iter()
            .filter(|note| *note == "always fails")
            .count(),
        4
    );
}

#[tokio::test]
async fn unknown_versions_and_garbage_go_to_the_dead_letter_topic_at_once() {
    let bench = Bench::new().await;
    let relay = bench.relay();
    let outbox = relay.outbox();
    let shutdown = Shutdown::new();
    let _relay = Running::start(relay.run(shutdown.clone()));
    let _consumer = Running::start(bench.consumer(Recorder::default()).run(shutdown.clone()));
    let key = Uuid::now_v7();
    let mut envelope = Envelope::wrap(
        &payment(key, 1, ""),
        Uuid::now_v7(),
        chrono::DateTime::UNIX_EPOCH,
        Metadata::default(),
    )
    .unwrap();
    envelope.version = "v2".to_owned();
    let mut incomplete = envelope.clone();
    incomplete.version = "v1".to_owned();
    incomplete.payload["amount"] = serde_json::Value::Null;
    let bad = [
        serde_json::to_vec(&envelope).unwrap(),
        b"{not json".to_vec(),
        serde_json::to_vec(&incomplete).unwrap(),
    ];
    for payload in &bad {
        bench.send_raw(Topic::PaymentEvents, &key.to_string(), payload).await;
    }
    bench.pay(&outbox, key, "").await;

    assert_eq!(bench.wait_for_effects(1).await, [(key, 1)]);
    let dead = bench.topic(Topic::DlqPayment, 3).await;
    let errors: Vec<String> = dead
        .iter()
        .map(|message| header(message, headers::DLQ_ERROR).unwrap())
        .collect();
    assert_eq!(errors[0], "unknown message version Some(\"v2\")");
    assert!(errors[1].starts_with("not a message envelope"), "{errors:?}");
    assert!(errors[2].starts_with("bad payload of PaymentSuccess"), "{errors:?}");
    for (message, payload) in dead.iter().zip(&bad) {
        assert_eq!(
            message.payload().unwrap(),
            payload,
            "a dead letter is what was received"
        );
        assert_eq!(header(message, headers::DLQ_ATTEMPTS).unwrap(), "1");
    }
}

#[tokio::test]
async fn a_replay_is_handled_by_its_group_alone() {
    let bench = Bench::new().await;
    let shutdown = Shutdown::new();
    let ours = Recorder::default();
    let others = Recorder::default();
    let _ours = Running::start(bench.consumer(ours.clone()).run(shutdown.clone()));
    let event = crate::bench::pool(&bench.env.database_url(test_support::Login::Event)).await;
    let other = Consumer::new(
        ConsumerGroup::EVENT_PAYMENT,
        event,
        &bench.config.kafka,
        &bench.config.consumer,
        others.clone(),
    );
    let _others = Running::start(other.run(shutdown.clone()));

    let producer: FutureProducer = bench.config.kafka.client().create().unwrap();
    let topic = Topic::PaymentEvents.with_prefix(&bench.config.kafka.prefix);
    let key = Uuid::now_v7();
    for (n, group) in [(1, GROUP), (2, ConsumerGroup::EVENT_PAYMENT), (3, GROUP)] {
        let note = format!("for {}", group.name());
        let envelope = Envelope::wrap(
            &payment(key, n, &note),
            Uuid::now_v7(),
            chrono::DateTime::UNIX_EPOCH,
            Metadata::default(),
        )
        .unwrap();
        let payload = serde_json::to_vec(&envelope).unwrap();
        let replay = Header {
            key: headers::REPLAY_GROUP,
            value: Some(group.name()),
        };
        let record = FutureRecord::to(&topic)
            .key("one partition")
            .payload(&payload)
            .headers(OwnedHeaders::new().insert(replay));
        producer.send(record, SOON).await.unwrap();
    }
    assert_eq!(bench.wait_for_effects(2).await, [(key, 1), (key, 3)]);
    test_support::eventually("the other group's try", SOON, async || {
        (!others.tries.lock().unwrap().is_empty()).then_some(())
    })
    .await;
    assert!(
        ours.tries
            .lock()
            .unwrap()
            .iter()
            .all(|note| *note == "for reservation-payment-consumer")
    );
    assert!(
        others
            .tries
            .lock()
            .unwrap()
            .iter()
            .all(|note| *note == "for event-payment-consumer")
    );
}

#[tokio::test]
async fn a_letter_that_is_too_large_is_cut_and_the_partition_goes_on() {
    let bench = Bench::new().await;
    let relay = bench.relay();
    let outbox = relay.outbox();
    let shutdown = Shutdown::new();
    let _relay = Running::start(relay.run(shutdown.clone()));
    let _consumer = Running::start(bench.consumer(Recorder::default()).run(shutdown.clone()));
    let key = Uuid::now_v7();
    // As much as a producer takes: with what the letter adds it is too much.
    let large = vec![b'x'; 999_900];
    bench.send_raw(Topic::PaymentEvents, &key.to_string(), &large).await;
    bench.pay(&outbox, key, "").await;

    assert_eq!(bench.wait_for_effects(1).await, [(key, 1)]);
    let dead = &bench.topic(Topic::DlqPayment, 1).await[0];
    assert_eq!(dead.key(), Some(key.to_string().as_bytes()));
    let kept = dead.payload().unwrap();
    assert!(!kept.is_empty() && large.starts_with(kept) && kept.len() < large.len());
    assert_eq!(header(dead, headers::DLQ_TRUNCATED).unwrap(), "999900");
    assert_eq!(header(dead, headers::DLQ_TOPIC).unwrap(), "payment.events");
    assert_eq!(header(dead, headers::DLQ_OFFSET).unwrap(), "0");
    assert_eq!(header(dead, headers::DLQ_GROUP).unwrap(), GROUP.name());
}
