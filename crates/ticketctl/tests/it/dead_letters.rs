//! A dead letter is listed, shown, replayed and then known to have been handled.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use common::lifecycle::Shutdown;
use messages::{ConsumerGroup, Envelope, Message, PaymentSuccess, Topic};
use outbox::{Config, Consumer, Handled, Handler, HandlerError, Relay, headers};
use rdkafka::{
    message::{Header, OwnedHeaders},
    producer::FutureRecord,
    util::Timeout,
};
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};
use test_support::{Login, TestEnv, eventually};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::command::{superuser, ticketctl};

const SOON: std::time::Duration = std::time::Duration::from_secs(20);

/// Cannot handle anything until it is repaired; then counts.
struct Repairable(Arc<AtomicBool>, Arc<AtomicUsize>);

impl Handler for Repairable {
    const TYPES: &'static [&'static str] = &[PaymentSuccess::TYPE];

    async fn handle(&self, _: &mut PgConnection, message: &Envelope) -> Result<Handled, HandlerError> {
        let payment: PaymentSuccess = message.decode()?;
        if self.0.load(Ordering::SeqCst) || payment.amount == 0 {
            self.1.fetch_add(1, Ordering::SeqCst);
            Ok(Handled::done())
        } else {
            Err(HandlerError::Permanent(anyhow::anyhow!("a bug")))
        }
    }
}

async fn handled(database: &PgPool, message: Uuid) -> Option<()> {
    let consumers: Vec<String> =
        sqlx::query_scalar("select consumer from reservation_service.processed_events where event_id = $1")
            .bind(message)
            .fetch_all(database)
            .await
            .unwrap();
    (!consumers.is_empty()).then_some(())
}

#[tokio::test]
async fn a_dead_letter_is_replayed_after_the_bug_is_repaired() {
    let env = TestEnv::new().await.with_topics().await;
    let database = superuser(&env).await;
    let config = Config::from_env(&env.env(None)).unwrap();
    let payments = PgPool::connect(&env.database_url(Login::Payment)).await.unwrap();
    let reservations = PgPool::connect(&env.database_url(Login::Reservation)).await.unwrap();
    let relay = Relay::new(payments.clone(), &config.kafka, &config.relay).unwrap();
    let outbox = relay.outbox();
    let repaired = Arc::new(AtomicBool::new(false));
    let (effects, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let consumer = Consumer::new(
        ConsumerGroup::RESERVATION_PAYMENT,
        reservations,
        &config.kafka,
        &config.consumer,
        Repairable(Arc::clone(&repaired), Arc::clone(&effects)),
    );
    // Another group of the same topic, which has no trouble.
    let bystander = Consumer::new(
        ConsumerGroup::EVENT_PAYMENT,
        PgPool::connect(&env.database_url(Login::Event)).await.unwrap(),
        &config.kafka,
        &config.consumer,
        Repairable(Arc::new(AtomicBool::new(true)), Arc::clone(&seen)),
    );
    let mut running = JoinSet::new();
    running.spawn(relay.run(Shutdown::new()));
    running.spawn(consumer.run(Shutdown::new()));
    running.spawn(bystander.run(Shutdown::new()));

    let none = ticketctl(&env, &["dlq", "list"]).await.ok();
    assert!(none.contains("0 dead letters"), "{none}");

    let pay = async |amount| {
        let payment = PaymentSuccess {
            payment_id: Uuid::now_v7(),
            reservation_id: Uuid::nil(),
            user_id: Uuid::nil(),
            concert_id: Uuid::nil(),
            seat_ids: vec![],
            amount,
            currency: "KRW".to_owned(),
            payment_key: None,
            portone_transaction_id: "tx".to_owned(),
            paid_at: chrono::DateTime::UNIX_EPOCH,
            reservation_version: 1,
            grant_id: None,
        };
        let mut transaction = payments.begin().await.unwrap();
        let id = ::outbox::enqueue(&mut transaction, &payment).await.unwrap();
        outbox.commit(transaction).await.unwrap();
        id
    };
    let ids = [pay(1).await, pay(2).await];
    let list = eventually("both dead letters", SOON, async || {
        let list = ticketctl(&env, &["dlq", "list", "--topic", "dlq.payment"]).await.ok();
        list.contains("2 dead letters, 2 of them open").then_some(list)
    })
    .await;
    assert!(list.contains("dlq.payment:0"), "{list}");
    assert!(
        list.contains("PaymentSuccess") && list.contains("reservation-payment-consumer"),
        "{list}"
    );
    assert!(list.contains("after 1 tries: a bug"), "{list}");
    let shown = ticketctl(&env, &["dlq", "show", "dlq.payment:1"]).await.ok();
    assert!(
        shown.contains("dlq-topic: payment.events") && shown.contains(&ids[1].to_string()),
        "{shown}"
    );
    let missing = ticketctl(&env, &["dlq", "show", "dlq.payment:7"]).await;
    assert!(
        missing.stderr.contains("there is no dead letter dlq.payment:7"),
        "{missing:?}"
    );

    eventually("the other group's effects", SOON, async || {
        (seen.load(Ordering::SeqCst) == 2).then_some(())
    })
    .await;
    // So that only the address keeps the other group from handling a replay.
    sqlx::query("delete from event_service.processed_events")
        .execute(&database)
        .await
        .unwrap();

    // The first is put right by hand, the second by a repaired handler.
    let mut corrected = Envelope::parse(&shown.as_bytes()[shown.find('{').unwrap()..]).unwrap();
    corrected.payload["amount"] = 0.into();
    let file = std::env::temp_dir().join(format!("{}.json", Uuid::now_v7()));
    let replay = ["dlq", "replay", "dlq.payment:0", "--payload", file.to_str().unwrap()];
    std::fs::write(&file, serde_json::to_vec(&corrected).unwrap()).unwrap();
    let another = ticketctl(&env, &replay).await;
    let words = format!("the corrected message must keep the id {}", ids[0]);
    assert!(!another.success && another.stderr.contains(&words), "{another:?}");
    corrected.event_id = ids[0];
    std::fs::write(&file, serde_json::to_vec(&corrected).unwrap()).unwrap();
    ticketctl(&env, &replay).await.ok();
    std::fs::remove_file(file).unwrap();
    eventually("the corrected message's effect", SOON, async || {
        handled(&database, ids[0]).await
    })
    .await;

    repaired.store(true, Ordering::SeqCst);
    let replayed = ticketctl(&env, &["dlq", "replay", "--all-of", "dlq.payment"])
        .await
        .ok();
    assert!(
        replayed.contains("dlq.payment:1 was sent to reservation-payment-consumer again"),
        "{replayed}"
    );
    assert!(replayed.contains("1 dead letters replayed"), "{replayed}");
    eventually("the replayed message's effect", SOON, async || {
        handled(&database, ids[1]).await
    })
    .await;

    let list = ticketctl(&env, &["dlq", "list"]).await.ok();
    assert!(list.contains("2 dead letters, 0 of them open"), "{list}");

    // Once more changes nothing. What is said of the same key afterwards comes after it.
    ticketctl(&env, &["dlq", "replay", "dlq.payment:1"]).await.ok();
    let last = pay(3).await;
    eventually("the last effect", SOON, async || handled(&database, last).await).await;
    eventually("the other group's last effect", SOON, async || {
        (seen.load(Ordering::SeqCst) >= 3).then_some(())
    })
    .await;
    assert_eq!((effects.load(Ordering::SeqCst), seen.load(Ordering::SeqCst)), (3, 3));
    let json = ticketctl(&env, &["dlq", "list", "--all", "--json"]).await.ok();
    let json: Value = serde_json::from_str(&json).unwrap();
    let told = &json[1]["headers"];
    assert_eq!(json[1]["messageId"], ids[1].to_string());
    assert_eq!(
        (
            &told["dlq-topic"],
            &told["dlq-group"],
            &told["dlq-error"],
            &told["dlq-attempts"]
        ),
        (
            &"payment.events".into(),
            &"reservation-payment-consumer".into(),
            &"a bug".into(),
            &"1".into()
        )
    );
    assert!(
        told["dlq-partition"].is_string() && told["dlq-offset"].is_string(),
        "{told}"
    );
    let all = ticketctl(&env, &["dlq", "list", "--all"]).await.ok();
    assert_eq!(all.matches("HANDLED").count(), 2, "{all}");
}

#[tokio::test]
async fn letters_that_were_replayed_are_told_when_a_later_one_stays() {
    let env = TestEnv::new().await.with_topics().await;
    let kafka = Config::from_env(&env.env(None)).unwrap().kafka;
    let producer = kafka.producer(SOON).unwrap();
    let topic = Topic::DlqPayment.with_prefix(&kafka.prefix);
    let of = |key, value| Header {
        key,
        value: Some(value),
    };
    let whole = OwnedHeaders::new()
        .insert(of(headers::DLQ_TOPIC, "payment.events"))
        .insert(of(headers::DLQ_GROUP, ConsumerGroup::EVENT_PAYMENT.name()));
    for headers in [whole, OwnedHeaders::new()] {
        let record = FutureRecord::<str, str>::to(&topic).payload("{}").headers(headers);
        producer.send(record, Timeout::Never).await.unwrap();
    }
    let replay = ["dlq", "replay", "dlq.payment:0", "dlq.payment:1", "--json"];
    let failed = ticketctl(&env, &replay).await;
    assert!(
        !failed.success && failed.stderr.contains("dlq.payment:1 stays"),
        "{failed:?}"
    );
    let told: Value = serde_json::from_str(&failed.stdout).unwrap_or_else(|error| panic!("{error}: {failed:?}"));
    let group = ConsumerGroup::EVENT_PAYMENT.name();
    assert_eq!(told, json!([{ "place": "dlq.payment:0", "group": group }]));
}
