//! A producer (the payment service's login), a consumer (the reservation service's) and what both did.

use std::{sync::Arc, time::Duration};

use messages::{ConsumerGroup, Envelope, Message, PaymentSuccess, Topic};
use outbox::{Config, Consumer, Handled, Handler, HandlerError, Outbox, Relay};
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{Consumer as _, StreamConsumer},
    message::{Headers as _, OwnedMessage},
    producer::{FutureProducer, FutureRecord},
};
use sqlx::{PgConnection, PgPool, postgres::PgPoolOptions};
use test_support::{Login, TestEnv, eventually};
use tokio::task::JoinSet;
use uuid::Uuid;

pub(crate) const GROUP: ConsumerGroup = ConsumerGroup::RESERVATION_PAYMENT;
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// One test's world.
pub(crate) struct Bench {
    pub(crate) env: TestEnv,
    pub(crate) config: Config,
    /// The superuser, who sees everything.
    pub(crate) admin: PgPool,
    pub(crate) producer: PgPool,
    pub(crate) consumer: PgPool,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let env = TestEnv::new()
            .await
            .with_topics()
            .await
            .with("CONSUMER_RETRY_SECONDS", "0.02")
            .with("CONSUMER_RETRY_MAX_SECONDS", "0.1")
            .with("OUTBOX_DELIVERY_TIMEOUT_SECONDS", "5");
        let config = Config::from_env(&env.env(None)).unwrap();
        let admin = pool(&env.superuser_url()).await;
        sqlx::raw_sql(
            "
            create table payment_service.rows (id uuid primary key, n bigint not null);
            grant all on payment_service.rows to payment_svc_user;
            create table reservation_service.effects (
                position bigint generated always as identity,
                event_id uuid not null,
                key uuid not null,
                n bigint not null
            );
            grant all on reservation_service.effects to reservation_svc_user;
            ",
        )
        .execute(&admin)
        .await
        .unwrap();
        Self {
            producer: pool(&env.database_url(Login::Payment)).await,
            consumer: pool(&env.database_url(Login::Reservation)).await,
            admin,
            config,
            env,
        }
    }

    pub(crate) fn relay(&self) -> Relay {
        Relay::new(self.producer.clone(), &self.config.kafka, &self.config.relay).unwrap()
    }

    pub(crate) fn consumer<H: Handler>(&self, handler: H) -> Consumer<H> {
        Consumer::new(
            GROUP,
            self.consumer.clone(),
            &self.config.kafka,
            &self.config.consumer,
            handler,
        )
    }

    /// Writes a payment's message as its service would: the key's row is locked first, and counts the key's messages.
    pub(crate) async fn pay(&self, outbox: &Outbox, key: Uuid, note: &str) -> Uuid {
        let mut transaction = self.producer.begin().await.unwrap();
        let n: i64 = sqlx::query_scalar(
            "insert into payment_service.rows as r (id, n) values ($1, 1) on conflict (id) do update set n = r.n + 1 returning n",
        )
        .bind(key)
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
        let id = outbox::enqueue(&mut transaction, &payment(key, n, note)).await.unwrap();
        outbox.commit(transaction).await.unwrap();
        id
    }

    /// Sends bytes past the outbox.
    pub(crate) async fn send_raw(&self, topic: Topic, key: &str, payload: &[u8]) {
        let producer: FutureProducer = self.client().create().unwrap();
        let topic = topic.with_prefix(&self.config.kafka.prefix);
        producer
            .send(FutureRecord::to(&topic).key(key).payload(payload), SOON)
            .await
            .unwrap();
    }

    /// Everything in a topic, partition by partition, once it holds at least `count` messages.
    pub(crate) async fn topic(&self, topic: Topic, count: usize) -> Vec<OwnedMessage> {
        let consumer: StreamConsumer = self.client().set("group.id", "unused").create().unwrap();
        let name = topic.with_prefix(&self.config.kafka.prefix);
        let mut partitions = TopicPartitionList::new();
        for partition in 0..topic.partitions() {
            partitions
                .add_partition_offset(&name, partition, Offset::Beginning)
                .unwrap();
        }
        consumer.assign(&partitions).unwrap();
        let mut messages = Vec::new();
        loop {
            // Once there are enough, look a little longer for more.
            let limit = if messages.len() < count {
                SOON
            } else {
                Duration::from_millis(200)
            };
            match tokio::time::timeout(limit, consumer.recv()).await {
                Ok(message) => messages.push(message.unwrap().detach()),
                Err(_) if messages.len() >= count => break,
                Err(_) => panic!("{name} has {} messages instead of {count}", messages.len()),
            }
        }
        messages.sort_by_key(|message| (message.partition(), message.offset()));
        messages
    }

    fn client(&self) -> ClientConfig {
        let mut config = self.config.kafka.client();
        config.set("partitioner", "murmur2_random");
        config
    }

    /// The effects of the recorder, as (key, n) in the order of their commits per key.
    pub(crate) async fn effects(&self) -> Vec<(Uuid, i64)> {
        sqlx::query_as("select key, n from reservation_service.effects order by position")
            .fetch_all(&self.admin)
            .await
            .unwrap()
    }

    pub(crate) async fn wait_for_effects(&self, count: usize) -> Vec<(Uuid, i64)> {
        eventually(&format!("{count} effects"), SOON, async || {
            let effects = self.effects().await;
            (effects.len() >= count).then_some(effects)
        })
        .await
    }

    pub(crate) async fn unpublished(&self) -> i64 {
        sqlx::query_scalar("select count(*) from common.outbox_events where not published")
            .fetch_one(&self.admin)
            .await
            .unwrap()
    }

    pub(crate) async fn wait_until_all_is_published(&self) {
        eventually("an empty outbox", SOON, async || {
            (self.unpublished().await == 0).then_some(())
        })
        .await;
    }
}

pub(crate) async fn pool(url: &str) -> PgPool {
    PgPoolOptions::new()
        .max_connections(12)
        .acquire_timeout(Duration::from_secs(10))
        .connect(url)
        .await
        .unwrap()
}

pub(crate) fn payment(key: Uuid, n: i64, note: &str) -> PaymentSuccess {
    PaymentSuccess {
        payment_id: Uuid::now_v7(),
        reservation_id: key,
        user_id: Uuid::nil(),
        concert_id: Uuid::nil(),
        seat_ids: vec![Uuid::nil()],
        amount: n,
        currency: "KRW".to_owned(),
        payment_key: None,
        portone_transaction_id: note.to_owned(),
        paid_at: chrono::DateTime::UNIX_EPOCH,
        reservation_version: 1,
        grant_id: None,
    }
}

pub(crate) fn header(message: &OwnedMessage, key: &str) -> Option<String> {
    let header = message.headers()?.iter().find(|header| header.key == key)?;
    Some(String::from_utf8(header.value?.to_vec()).unwrap())
}

/// Runs something until it is dropped; dropping it is a crash.
pub(crate) struct Running(JoinSet<()>);

impl Running {
    pub(crate) fn start(future: impl Future<Output = ()> + Send + 'static) -> Self {
        let mut tasks = JoinSet::new();
        tasks.spawn(future);
        Self(tasks)
    }

    /// Waits for a graceful end.
    pub(crate) async fn end(mut self) {
        self.0.join_next().await.unwrap().unwrap();
    }
}

/// Writes each payment down, after doing what its note says.
#[derive(Clone, Default)]
pub(crate) struct Recorder {
    pub(crate) tries: Arc<std::sync::Mutex<Vec<String>>>,
}

impl Handler for Recorder {
    const TYPES: &'static [&'static str] = &[PaymentSuccess::TYPE];

    async fn handle(&self, transaction: &mut PgConnection, message: &Envelope) -> Result<Handled, HandlerError> {
        let payment: PaymentSuccess = message.decode()?;
        let note = payment.portone_transaction_id.as_str();
        let tries = {
            let mut tries = self.tries.lock().unwrap();
            tries.push(note.to_owned());
            tries.iter().filter(|tried| *tried == note).count()
        };
        sqlx::query("insert into effects (event_id, key, n) values ($1, $2, $3)")
            .bind(message.event_id)
            .bind(payment.reservation_id)
            .bind(payment.amount)
            .execute(&mut *transaction)
            .await?;
        match note {
            "never" => Err(HandlerError::Permanent(anyhow::anyhow!("it cannot be done"))),
            "always fails" => Err(HandlerError::Transient(anyhow::anyhow!("not this time"))),
            "fails twice" if tries <= 2 => Err(HandlerError::Transient(anyhow::anyhow!("not yet"))),
            "panics once" if tries == 1 => panic!("as the test wants it"),
            "slow" => {
                tokio::time::sleep(Duration::from_millis(500)).await;
                Ok(Handled::done())
            }
            "hangs once" if tries == 1 => std::future::pending().await,
            _ => Ok(Handled::done()),
        }
    }
}
