//! A producer (the payment service's login), a consumer (the reservation service's) and a clock between them.

use common::lifecycle::Shutdown;
use messages::{ConsumerGroup, Envelope, Message, PaymentSuccess};
use outbox::{Config, Consumer, Handled, Handler, HandlerError, Outbox, Relay};
use sqlx::{PgConnection, PgPool, postgres::PgPoolOptions};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use test_support::{Login, TestEnv, eventually, measure::open_loop};
use tokio::{task::JoinSet, time::Instant};
use uuid::Uuid;

const GROUP: ConsumerGroup = ConsumerGroup::RESERVATION_PAYMENT;
const SOON: Duration = Duration::from_secs(60);

/// One outbox with what sends it and a consumer of its messages.
pub(crate) struct World {
    pub(crate) producer: PgPool,
    pub(crate) admin: PgPool,
    pub(crate) config: Config,
    pub(crate) outbox: Outbox,
    arrivals: Arrivals,
    consumer: PgPool,
    running: JoinSet<()>,
    shutdown: Shutdown,
    _env: TestEnv,
}

/// When messages reached the consumer.
#[derive(Clone, Default)]
struct Arrivals(Arc<Mutex<HashMap<Uuid, Instant>>>);

/// Notes the time at which a consumer would begin to act.
struct Stopwatch(Arrivals);

impl Handler for Stopwatch {
    const TYPES: &'static [&'static str] = &[PaymentSuccess::TYPE];

    async fn handle(&self, _: &mut PgConnection, message: &Envelope) -> Result<Handled, HandlerError> {
        let mut arrivals = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A repetition arrived before.
        arrivals.entry(message.event_id).or_insert_with(Instant::now);
        Ok(Handled::done())
    }
}

impl World {
    /// Nothing sends yet; the consumer runs.
    pub(crate) async fn new() -> anyhow::Result<Self> {
        let env = TestEnv::new().await.with_topics().await;
        let config = Config::from_env(&env.env(None))?;
        let mut world = Self {
            producer: pool(&env.database_url(Login::Payment)).await?,
            consumer: pool(&env.database_url(Login::Reservation)).await?,
            admin: pool(&env.superuser_url()).await?,
            outbox: Outbox::default(),
            arrivals: Arrivals::default(),
            running: JoinSet::new(),
            shutdown: Shutdown::new(),
            _env: env,
            config,
        };
        let consumer = Consumer::new(
            GROUP,
            world.consumer.clone(),
            &world.config.kafka,
            &world.config.consumer,
            Stopwatch(world.arrivals.clone()),
        );
        world.running.spawn(consumer.run(world.shutdown.clone()));
        Ok(world)
    }

    /// Puts published rows of the past week into the outbox, as they are until the retention deletes them.
    pub(crate) async fn fill(&self, rows: i64) -> Result<(), sqlx::Error> {
        // One real row is the pattern: copies of it are as large as real ones.
        let (id, _) = commit(&self.producer, &Outbox::default()).await?;
        sqlx::query(
            "insert into common.outbox_events
                 (id, producer, aggregate_type, aggregate_id, event_type, topic, message_key, payload, headers,
                  created_at, published, published_at)
             select uuidv7(-interval '1 second' * (1 + 600000 * n / $2)), producer, aggregate_type, aggregate_id, event_type,
                 topic, gen_random_uuid()::text, payload, headers, created_at, true, clock_timestamp()
             from common.outbox_events, generate_series(1, $2) as n
             where id = $1",
        )
        .bind(id)
        .bind(rows)
        .execute(&self.admin)
        .await?;
        sqlx::query("delete from common.outbox_events where id = $1")
            .bind(id)
            .execute(&self.admin)
            .await?;
        // Autovacuum would come soon, and in the middle of a round.
        sqlx::query("vacuum analyze common.outbox_events")
            .execute(&self.admin)
            .await?;
        Ok(())
    }

    /// The relay sends from now on.
    pub(crate) fn with_relay(mut self) -> anyhow::Result<Self> {
        let relay = Relay::new(self.producer.clone(), &self.config.kafka, &self.config.relay)?;
        self.outbox = relay.outbox();
        self.running.spawn(relay.run(self.shutdown.clone()));
        Ok(self)
    }

    /// Something else sends from now on.
    pub(crate) fn sending(mut self, sender: impl Future<Output = ()> + Send + 'static) -> Self {
        self.running.spawn(sender);
        self
    }

    /// Commits messages at that pace and returns how long after the commit each reached the consumer.
    pub(crate) async fn latencies(&self, messages: u32, pace: Duration) -> Vec<Duration> {
        let commits = Arc::new(Mutex::new(HashMap::new()));
        open_loop(messages, pace, |_| self.send(Arc::clone(&commits))).await;
        self.settle(&commits).await
    }

    /// A commit in a task of its own; its time goes into `commits`.
    pub(crate) fn send(
        &self,
        commits: Arc<Mutex<HashMap<Uuid, Instant>>>,
    ) -> impl Future<Output = ()> + Send + 'static + use<> {
        let (producer, outbox) = (self.producer.clone(), self.outbox.clone());
        async move {
            let committed = commit(&producer, &outbox).await;
            assert!(committed.is_ok(), "a message could not be written: {committed:?}");
            if let Ok((id, at)) = committed {
                commits.lock().unwrap_or_else(PoisonError::into_inner).insert(id, at);
            }
        }
    }

    /// Waits for the arrival of everything that was committed, and forgets it.
    pub(crate) async fn settle(&self, commits: &Mutex<HashMap<Uuid, Instant>>) -> Vec<Duration> {
        let commits = std::mem::take(&mut *commits.lock().unwrap_or_else(PoisonError::into_inner));
        eventually("all messages at the consumer", SOON, async || {
            let arrivals = self.arrivals.0.lock().unwrap_or_else(PoisonError::into_inner);
            commits.keys().all(|id| arrivals.contains_key(id)).then_some(())
        })
        .await;
        let mut arrivals = self.arrivals.0.lock().unwrap_or_else(PoisonError::into_inner);
        commits
            .iter()
            .filter_map(|(id, committed)| Some(arrivals.remove(id)?.saturating_duration_since(*committed)))
            .collect()
    }

    pub(crate) async fn stop(mut self) {
        self.shutdown.cancel();
        let stopped = async { while self.running.join_next().await.is_some() {} };
        // What does not listen to the shutdown is dropped.
        let _late = tokio::time::timeout(Duration::from_secs(3), stopped).await;
    }
}

/// One payment's message in a transaction of its own, as a service commits it.
async fn commit(producer: &PgPool, outbox: &Outbox) -> Result<(Uuid, Instant), sqlx::Error> {
    let message = PaymentSuccess {
        payment_id: Uuid::now_v7(),
        reservation_id: Uuid::now_v7(),
        user_id: Uuid::now_v7(),
        concert_id: Uuid::now_v7(),
        seat_ids: vec![Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7()],
        amount: 600_000,
        currency: "KRW".to_owned(),
        payment_key: None,
        portone_transaction_id: Uuid::now_v7().to_string(),
        paid_at: chrono::DateTime::UNIX_EPOCH,
        reservation_version: 2,
        grant_id: None,
    };
    let mut transaction = producer.begin().await?;
    let id = outbox::enqueue(&mut transaction, &message).await?;
    outbox.commit(transaction).await?;
    Ok((id, Instant::now()))
}

async fn pool(url: &str) -> Result<PgPool, sqlx::Error> {
    PgPoolOptions::new().max_connections(16).connect(url).await
}
