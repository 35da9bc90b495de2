//! The peer: an outbox that is looked at once a second, as it is usually done. Each second it reads what has not been
//! published in order, sends all of it at once, waits for the broker's answers and marks the rows. It has the same table,
//! index, producer and topics as the relay, and no leases, so nothing of it waits but for its timer.

use messages::Topic;
use outbox::{KafkaConfig, Logged};
use rdkafka::{
    producer::{FutureProducer, FutureRecord},
    util::Timeout,
};
use sqlx::PgPool;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

const INTERVAL: Duration = Duration::from_secs(1);

pub(crate) struct Poller {
    pub(crate) pool: PgPool,
    pub(crate) producer: FutureProducer<Logged>,
    pub(crate) kafka: KafkaConfig,
}

impl Poller {
    pub(crate) async fn run(self) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let sent = self.pass().await;
            assert!(sent.is_ok(), "the poller failed: {sent:?}");
        }
    }

    async fn pass(&self) -> anyhow::Result<()> {
        let mut transaction = self.pool.begin().await?;
        let rows: Vec<(Uuid, String, String)> = sqlx::query_as(
            "select id, message_key, payload::text from common.outbox_events
             where producer = session_user::text and not published
             order by seq limit 10000 for update skip locked",
        )
        .fetch_all(&mut *transaction)
        .await?;
        let topic = Topic::PaymentEvents.with_prefix(&self.kafka.prefix);
        let deliveries = rows.iter().map(|(_, key, payload)| {
            let record = FutureRecord::to(&topic).key(key).payload(payload);
            self.producer.send(record, Timeout::Never)
        });
        for delivery in futures_util::future::join_all(deliveries).await {
            delivery.map_err(|(error, _)| error)?;
        }
        let ids: Vec<Uuid> = rows.iter().map(|row| row.0).collect();
        sqlx::query(
            "update common.outbox_events set published = true, published_at = clock_timestamp() where id = any($1)",
        )
        .bind(ids)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}
