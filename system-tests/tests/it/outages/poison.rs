use messages::Topic;
use rdkafka::{
    ClientConfig, Message as _,
    consumer::{BaseConsumer, Consumer as _},
    message::Headers as _,
    producer::{FutureProducer, FutureRecord},
};
use std::{collections::BTreeSet, time::Duration};
use system_tests::{Buyer, System};
use test_support::eventually;

const SOON: Duration = Duration::from_secs(60);

/// What nobody can read, on every partition: whichever booking comes next is behind one.
async fn poison(system: &System, topic: Topic) {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", system.env().kafka())
        .create()
        .expect("a producer can be made");
    let name = topic.with_prefix(system.env().topic_prefix());
    let unknown = r#"{"eventId":"019a0000-0000-7000-8000-000000000000","eventType":"PaymentSuccess","version":"v9","payload":{}}"#;
    for partition in 0..topic.partitions() {
        for body in ["{not json", unknown] {
            let record = FutureRecord::to(&name).partition(partition).key("poison").payload(body);
            producer.send(record, SOON).await.expect("the broker takes it");
        }
    }
}

/// The consumer groups that dead letters of a topic name, as often as there are messages that each could not handle. One
/// that dies over a letter sends it again, so letters are told apart by where their message lies.
async fn dead_letters(system: &System, topic: Topic, count: usize) -> Vec<String> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", system.env().kafka())
        .set(
            "group.id",
            format!("{}reader-of-dead-letters", system.env().topic_prefix()),
        )
        .set("auto.offset.reset", "earliest")
        .create()
        .expect("a consumer can be made");
    let name = topic.dlq().with_prefix(system.env().topic_prefix());
    consumer.subscribe(&[&name]).expect("the topic can be read");
    let mut letters = BTreeSet::new();
    eventually("the dead letters are there", SOON, || {
        while let Some(Ok(letter)) = consumer.poll(Duration::from_millis(50)) {
            let headers = letter.headers().expect("a dead letter has headers");
            let said = |key| {
                let header = headers.iter().find(|header| header.key == key);
                String::from_utf8_lossy(header.and_then(|header| header.value).unwrap_or_default()).into_owned()
            };
            letters.insert((
                said(outbox::headers::DLQ_GROUP),
                said(outbox::headers::DLQ_PARTITION),
                said(outbox::headers::DLQ_OFFSET),
            ));
        }
        std::future::ready((letters.len() >= count).then_some(()))
    })
    .await;
    letters.into_iter().map(|(group, ..)| group).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_message_goes_to_the_dead_letters_and_the_sale_goes_on() {
    let system = System::start().await;
    let sale = system.admin().await.open_sale(1, 4).await;
    poison(&system, Topic::PaymentEvents).await;
    poison(&system, Topic::ReservationEvents).await;
    let buyer = Buyer::register(&system).await;
    let hold = buyer.queue_and_hold(&sale, 2).await;
    let _payment = buyer.pay(&hold).await;
    let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
    for seat in &hold.seat_ids {
        buyer.wait_for_seat(&sale, *seat, "SOLD").await;
    }
    // Two on each of three partitions, for each group that reads the topic.
    let groups = dead_letters(&system, Topic::PaymentEvents, 12).await;
    for group in ["reservation-payment-consumer", "event-payment-consumer"] {
        let of_group = groups.iter().filter(|name| name.ends_with(group)).count();
        assert_eq!(of_group, 6, "{groups:?}");
    }
    system.audit().await;
}
