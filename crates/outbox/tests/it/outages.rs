//! What is down is waited for; no message is blamed for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use common::{
    lifecycle::Shutdown,
    redis::{Redis, RedisConfig},
};
use messages::{Envelope, Message as _, PaymentSuccess, Topic};
use outbox::{Handled, Handler, HandlerError};
use rdkafka::Message as _;
use sqlx::{PgConnection, postgres::PgPoolOptions};
use test_support::{
    Login, eventually,
    servers::{Missing, OwnRedis},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use uuid::Uuid;

use crate::bench::{Bench, Recorder, Running, SOON};

/// A way to the database that can be cut.
struct Bridge {
    port: u16,
    open: watch::Sender<bool>,
    _task: Running,
}

impl Bridge {
    async fn to(address: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (open, state) = watch::channel(true);
        let address = Arc::new(address);
        let task = Running::start(async move {
            let mut crossings = JoinSet::new();
            loop {
                let (mut from, _) = listener.accept().await.unwrap();
                let (mut state, address) = (state.clone(), Arc::clone(&address));
                crossings.spawn(async move {
                    if !*state.borrow() {
                        return;
                    }
                    let mut to = TcpStream::connect(&*address).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut from, &mut to) => {}
                        _ = state.wait_for(|open| !open) => {}
                    }
                });
            }
        });
        Self {
            port,
            open,
            _task: task,
        }
    }
}

#[tokio::test]
async fn messages_wait_for_the_database_instead_of_dying() {
    let bench = Bench::new().await;
    let relay = bench.relay();
    let outbox = relay.outbox();
    let shutdown = Shutdown::new();
    let _relay = Running::start(relay.run(shutdown.clone()));

    let direct: sqlx::postgres::PgConnectOptions = bench.env.database_url(Login::Reservation).parse().unwrap();
    let bridge = Bridge::to(format!("{}:{}", direct.get_host(), direct.get_port())).await;
    let through = direct.host("127.0.0.1").port(bridge.port);
    let pool = PgPoolOptions::new()
        .acquire_timeout(Duration::from_millis(500))
        .connect_lazy_with(through);
    let consumer = outbox::Consumer::new(
        crate::bench::GROUP,
        pool,
        &bench.config.kafka,
        &bench.config.consumer,
        Recorder::default(),
    );
    let _consumer = Running::start(consumer.run(shutdown.clone()));
    let key = Uuid::now_v7();
    bench.pay(&outbox, key, "").await;
    bench.wait_for_effects(1).await;

    bridge.open.send_replace(false);
    bench.pay(&outbox, key, "").await;
    bench.pay(&outbox, key, "").await;
    bench.wait_until_all_is_published().await;
    // Far longer than all tries of a transient failure take with this test's settings.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(bench.effects().await.len(), 1);
    bridge.open.send_replace(true);

    assert_eq!(bench.wait_for_effects(3).await, [(key, 1), (key, 2), (key, 3)]);
    assert_eq!(bench.topic(Topic::DlqPayment, 0).await.len(), 0);
}

/// Counts each payment in Redis before it writes it down.
#[derive(Clone)]
struct Counting {
    redis: Redis,
    tries: Arc<AtomicUsize>,
    recorder: Recorder,
}

impl Handler for Counting {
    const TYPES: &'static [&'static str] = &[PaymentSuccess::TYPE];

    async fn handle(&self, transaction: &mut PgConnection, message: &Envelope) -> Result<Handled, HandlerError> {
        self.tries.fetch_add(1, Ordering::Relaxed);
        let _count: i64 = redis::cmd("INCR")
            .arg("payments")
            .query_async(&mut self.redis.clone())
            .await?;
        self.recorder.handle(transaction, message).await
    }
}

#[tokio::test]
async fn messages_wait_for_a_redis_that_takes_no_writes_instead_of_dying() {
    let Ok(server) = OwnRedis::start().await.inspect_err(Missing::report) else {
        return;
    };
    let mut bench = Bench::new().await;
    bench.config.consumer.retries = 0;
    let relay = bench.relay();
    let outbox = relay.outbox();
    let shutdown = Shutdown::new();
    let _relay = Running::start(relay.run(shutdown.clone()));
    let handler = Counting {
        redis: common::redis::connect(&RedisConfig::Single(server.url())).unwrap(),
        tries: Arc::default(),
        recorder: Recorder::default(),
    };
    let _consumer = Running::start(bench.consumer(handler.clone()).run(shutdown.clone()));
    let key = Uuid::now_v7();
    let mut connection = server.connection().await;
    let mut order = async |words: &str| {
        let mut words = words.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        words.for_each(|word| {
            command.arg(word);
        });
        command.exec_async(&mut connection).await.unwrap();
    };
    // OOM, NOREPLICAS, and a replica's READONLY, as after a failover of which nobody told us.
    for (number, (refuse, accept)) in (1..).zip([
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
        (
            "CONFIG SET min-replicas-to-write 1",
            "CONFIG SET min-replicas-to-write 0",
        ),
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
    ]) {
        order(refuse).await;
        handler.tries.store(0, Ordering::Relaxed);
        bench.pay(&outbox, key, "").await;
        eventually("more tries than a failure of the message has", SOON, async || {
            (handler.tries.load(Ordering::Relaxed) > 2).then_some(())
        })
        .await;
        order(accept).await;
        assert_eq!(bench.wait_for_effects(number).await.len(), number, "{refuse}");
    }
    assert_eq!(bench.effects().await, [(key, 1), (key, 2), (key, 3)]);
    assert_eq!(bench.topic(Topic::DlqPayment, 0).await.len(), 0);
}

#[tokio::test]
async fn rows_wait_for_the_broker_unblamed_and_leave_in_order() {
    let mut bench = Bench::new().await;
    let reachable = bench.config.kafka.clone();
    // Nothing listens there.
    bench.config.kafka.brokers = "127.0.0.1:9".to_owned();
    bench.config.relay.delivery_timeout = Duration::from_millis(300);
    let shutdown = Shutdown::new();
    let relay = bench.relay();
    let outbox = relay.outbox();
    let running = Running::start(relay.run(shutdown.clone()));
    let key = Uuid::now_v7();
    for _ in 0..5 {
        bench.pay(&outbox, key, "").await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let blamed: i64 = sqlx::query_scalar(
        "select count(*) from common.outbox_events where published or retry_count > 0 or parked_at is not null",
    )
    .fetch_one(&bench.admin)
    .await
    .unwrap();
    assert_eq!(blamed, 0);
    shutdown.cancel();
    running.end().await;

    bench.config.kafka = reachable;
    let _relay = Running::start(bench.relay().run(Shutdown::new()));
    eventually("an empty outbox", SOON, async || {
        (bench.unpublished().await == 0).then_some(())
    })
    .await;
    let messages = bench.topic(Topic::PaymentEvents, 5).await;
    let amounts: Vec<i64> = messages
        .iter()
        .map(|message| {
            let envelope = messages::Envelope::parse(message.payload().unwrap()).unwrap();
            envelope.payload["amount"].as_i64().unwrap()
        })
        .collect();
    assert_eq!(amounts, [1, 2, 3, 4, 5]);
}
