//! Messages that stay away, come late, in another order, again, or to somebody who has forgotten them.

use crate::town::Town;
use outbox::KafkaConfig;
use rand::{Rng, seq::SliceRandom};
use rdkafka::{
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};
use sqlx::{FromRow, types::Json};
use std::{collections::BTreeMap, time::Duration};
use uuid::Uuid;

/// A withheld message counts as published the moment it is written, so that no relay sends it: what a consumer sees is what
/// it sees of a message among the dead letters.
const WITHHOLDING: &str = r#"
    create table oracle.withheld (id uuid primary key);
    create table oracle.withholding (share float8 not null);
    insert into oracle.withholding values (0);
    create function oracle.withhold() returns trigger language plpgsql security definer as $$
    begin
        if random() < (select share from oracle.withholding) then
            new.published := true;
            new.published_at := clock_timestamp();
            insert into oracle.withheld (id) values (new.id);
        end if;
        return new;
    end $$;
    create trigger oracle_withhold before insert on common.outbox_events
        for each row execute function oracle.withhold();
"#;

/// The inboxes of all services that have one.
const FORGET: [&str; 4] = [
    "delete from event_service.processed_events where event_id = any($1)",
    "delete from queue_service.processed_events where event_id = any($1)",
    "delete from reservation_service.processed_events where event_id = any($1)",
    "delete from payment_service.processed_events where event_id = any($1)",
];

#[derive(FromRow)]
struct Row {
    id: Uuid,
    topic: String,
    message_key: String,
    payload: String,
    headers: Json<BTreeMap<String, String>>,
}

/// The post of a town.
pub(crate) struct Post {
    producer: FutureProducer<outbox::Logged>,
    prefix: String,
}

impl Post {
    pub(crate) async fn open(town: &Town) -> Self {
        sqlx::raw_sql(WITHHOLDING).execute(&town.db).await.unwrap();
        let kafka = KafkaConfig {
            brokers: town.env.kafka().to_owned(),
            prefix: town.env.topic_prefix().to_owned(),
        };
        Self {
            producer: kafka.producer(Duration::from_secs(30)).unwrap(),
            prefix: kafka.prefix,
        }
    }

    /// From now on this share of all messages stays away.
    pub(crate) async fn withhold(&self, town: &Town, share: f64) {
        sqlx::query("update oracle.withholding set share = $1")
            .bind(share)
            .execute(&town.db)
            .await
            .unwrap();
    }

    /// Sends withheld messages at last, `limit` of them, in a random order; tells how many.
    pub(crate) async fn hand_over(&self, town: &Town, limit: usize, random: &mut impl Rng) -> usize {
        let mut ids: Vec<Uuid> = sqlx::query_scalar("select id from oracle.withheld order by id")
            .fetch_all(&town.db)
            .await
            .unwrap();
        ids.shuffle(random);
        ids.truncate(limit);
        sqlx::query("delete from oracle.withheld where id = any($1)")
            .bind(&ids)
            .execute(&town.db)
            .await
            .unwrap();
        self.send(town, &ids).await
    }

    /// Sends messages of the past again, in a random order.
    pub(crate) async fn echo(&self, town: &Town, limit: usize, forgotten: bool, random: &mut impl Rng) -> usize {
        let past = "select id from common.outbox_events where published and id not in (select id from oracle.withheld) order by seq";
        let mut ids: Vec<Uuid> = sqlx::query_scalar(past).fetch_all(&town.db).await.unwrap();
        ids.shuffle(random);
        ids.truncate(limit);
        if forgotten {
            for statement in FORGET {
                sqlx::query(statement).bind(&ids).execute(&town.db).await.unwrap();
            }
        }
        self.send(town, &ids).await
    }

    async fn send(&self, town: &Town, ids: &[Uuid]) -> usize {
        let rows: Vec<Row> = sqlx::query_as(
            "select id, topic, message_key, payload::text as payload, headers from common.outbox_events where id = any($1)",
        )
        .bind(ids)
        .fetch_all(&town.db)
        .await
        .unwrap();
        let by_id: BTreeMap<Uuid, Row> = rows.into_iter().map(|row| (row.id, row)).collect();
        for row in ids.iter().filter_map(|id| by_id.get(id)) {
            let headers = row.headers.0.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
                headers.insert(Header {
                    key,
                    value: Some(value),
                })
            });
            let topic = format!("{}{}", self.prefix, row.topic);
            let record = FutureRecord::to(&topic)
                .key(&row.message_key)
                .payload(&row.payload)
                .headers(headers);
            let _place = self.producer.send(record, Duration::from_secs(30)).await.unwrap();
        }
        by_id.len()
    }
}
