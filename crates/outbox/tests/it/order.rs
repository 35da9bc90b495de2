//! Messages of a key arrive in the order of their commits, whoever sends them.

use std::{collections::HashMap, time::Duration};

use common::lifecycle::Shutdown;
use messages::{Envelope, PaymentSuccess, Topic};
use rdkafka::Message as _;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::bench::{Bench, Recorder, Running, SOON};

const KEYS: usize = 12;
const PER_KEY: i64 = 20;

/// Concurrent transactions of several keys, each of which counts its own messages; writers pause in between.
async fn pay_concurrently(bench: &Bench, outbox: &outbox::Outbox, pause: Duration) -> Vec<Uuid> {
    let keys: Vec<Uuid> = (0..KEYS).map(|_| Uuid::now_v7()).collect();
    let writers = (0..8).map(|writer| {
        let keys = &keys;
        async move {
            for turn in 0..PER_KEY {
                for (index, key) in keys.iter().enumerate() {
                    if (index + usize::try_from(turn).unwrap()) % 8 == writer {
                        bench.pay(outbox, *key, "").await;
                        tokio::time::sleep(pause).await;
                    }
                }
            }
        }
    });
    futures_util::future::join_all(writers).await;
    keys
}

/// First occurrences only: a repetition is allowed, an overtaking is not.
fn counts_by_key(messages: impl IntoIterator<Item = (Uuid, i64)>) -> HashMap<Uuid, Vec<i64>> {
    let mut counts: HashMap<Uuid, Vec<i64>> = HashMap::new();
    for (key, n) in messages {
        let seen = counts.entry(key).or_default();
        if !seen.contains(&n) {
            seen.push(n);
        }
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relays_that_crash_and_take_over_keep_each_keys_order() {
    let mut bench = Bench::new().await;
    bench.config.relay.lease = Duration::from_millis(120);
    bench.config.relay.poll_interval = Duration::from_millis(10);
    let shutdown = Shutdown::new();

    // None lives long, and each begins before the one before it has crashed, so leases change hands while rows are on
    // their way.
    let crashing = async {
        let mut before = Running::start(bench.relay().run(shutdown.clone()));
        loop {
            tokio::time::sleep(Duration::from_millis(350)).await;
            let next = Running::start(bench.relay().run(shutdown.clone()));
            tokio::time::sleep(Duration::from_millis(150)).await;
            drop(std::mem::replace(&mut before, next));
        }
    };
    let outbox = outbox::Outbox::default();
    let keys = tokio::select! {
        keys = pay_concurrently(&bench, &outbox, Duration::from_millis(80)) => keys,
        () = crashing => unreachable!(),
    };
    // What is left is sent by one that lives, however busy the machine is.
    bench.config.relay.lease = Duration::from_secs(10);
    let _last = Running::start(bench.relay().run(shutdown.clone()));
    bench.wait_until_all_is_published().await;

    let messages = bench
        .topic(Topic::PaymentEvents, KEYS * usize::try_from(PER_KEY).unwrap())
        .await;
    let payments = messages.iter().map(|message| {
        let payment: PaymentSuccess = Envelope::parse(message.payload().unwrap()).unwrap().decode().unwrap();
        assert_eq!(message.key().unwrap(), payment.reservation_id.to_string().as_bytes());
        (payment.reservation_id, payment.amount)
    });
    let counts = counts_by_key(payments);
    println!(
        "{} messages for {} rows",
        messages.len(),
        KEYS * usize::try_from(PER_KEY).unwrap()
    );
    for key in keys {
        assert_eq!(counts[&key], (1..=PER_KEY).collect::<Vec<_>>(), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn effects_are_exactly_once_and_in_order_while_consumers_come_and_go() {
    let bench = Bench::new().await;
    let relay = bench.relay();
    let outbox = relay.outbox();
    let shutdown = Shutdown::new();
    let _relay = Running::start(relay.run(shutdown.clone()));
    let recorder = Recorder::default();
    let _stays = Running::start(bench.consumer(recorder.clone()).run(shutdown.clone()));

    let come_and_go = async {
        loop {
            let leaving = Shutdown::new();
            let consumer = Running::start(bench.consumer(recorder.clone()).run(leaving.clone()));
            tokio::time::sleep(Duration::from_millis(700)).await;
            leaving.cancel();
            consumer.end().await;
        }
    };
    let total = KEYS * usize::try_from(PER_KEY).unwrap();
    let work = async {
        let keys = pay_concurrently(&bench, &outbox, Duration::from_millis(40)).await;
        let more = pay_concurrently(&bench, &outbox, Duration::from_millis(40)).await;
        [keys, more].concat()
    };
    let keys = tokio::select! {
        keys = work => keys,
        () = come_and_go => unreachable!(),
    };
    let effects = bench.wait_for_effects(2 * total).await;
    assert_eq!(effects.len(), 2 * total, "an effect happened twice");
    let counts = counts_by_key(effects);
    for key in keys {
        assert_eq!(counts[&key], (1..=PER_KEY).collect::<Vec<_>>(), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_follows_its_commit_at_once() {
    let mut bench = Bench::new().await;
    // Nobody looks by himself before the test has lost its patience: what arrives was told of.
    bench.config.relay.poll_interval = 10 * SOON;
    let relay = bench.relay();
    let outbox = relay.outbox();
    let shutdown = Shutdown::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(relay.run(shutdown.clone()));
    tasks.spawn(bench.consumer(Recorder::default()).run(shutdown.clone()));
    bench.pay(&outbox, Uuid::now_v7(), "").await;
    bench.wait_for_effects(1).await;

    for done in 2..=31 {
        bench.pay(&outbox, Uuid::now_v7(), "").await;
        bench.wait_for_effects(done).await;
    }
    let mut lags: Vec<f64> = sqlx::query_scalar(
        "select extract(epoch from processed_at - created_at)::float8
         from common.outbox_events join reservation_service.processed_events on event_id = id
         order by created_at offset 1",
    )
    .fetch_all(&bench.admin)
    .await
    .unwrap();
    lags.sort_by(f64::total_cmp);
    let median = lags[lags.len() / 2];
    println!(
        "median lag {:.1} ms, longest {:.1} ms",
        median * 1e3,
        lags.last().unwrap() * 1e3
    );

    shutdown.cancel();
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}
