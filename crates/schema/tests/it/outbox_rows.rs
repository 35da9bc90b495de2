//! The shared outbox shows and takes each login's own rows only.

use schema::Login;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::fixture::{Database, INSUFFICIENT_PRIVILEGE, refusal};

const CHECK_VIOLATION: &str = "23514";

async fn write(connection: &mut PgConnection, topic: &str) -> Result<Uuid, sqlx::Error> {
    sqlx::query_scalar(
        "insert into common.outbox_events (id, aggregate_type, aggregate_id, event_type, topic, message_key, payload)
         values (uuidv7(), 'Payment', uuidv7(), 'PaymentSuccess', $1, 'key', '{\"secret\": true}')
         returning id",
    )
    .bind(topic)
    .fetch_one(connection)
    .await
}

async fn visible(connection: &mut PgConnection) -> i64 {
    sqlx::query_scalar("select count(*) from common.outbox_events")
        .fetch_one(connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_login_sees_and_changes_its_own_messages_only() {
    let database = Database::migrated().await;
    let mut payment = database.login(Login::Payment).await;
    let id = write(&mut payment, "payment.events").await.unwrap();
    assert_eq!(visible(&mut payment).await, 1);

    for login in [Login::User, Login::Event, Login::Queue, Login::Reservation] {
        let mut other = database.login(login).await;
        assert_eq!(visible(&mut other).await, 0, "{login:?}");
        for statement in [
            "update common.outbox_events set published = true, published_at = now() where id = $1",
            "delete from common.outbox_events where id = $1",
        ] {
            let changed = sqlx::query(statement).bind(id).execute(&mut other).await.unwrap();
            assert_eq!(changed.rows_affected(), 0, "{login:?}: {statement}");
        }
    }
    // What operators act as sees all of it.
    let mut admin = database.admin().await;
    sqlx::query("set role ticketing_migrator")
        .execute(&mut admin)
        .await
        .unwrap();
    assert_eq!(visible(&mut admin).await, 1);
}

#[tokio::test]
async fn a_login_can_forge_neither_anothers_name_nor_anothers_topic() {
    let database = Database::migrated().await;
    let mut reservation = database.login(Login::Reservation).await;
    let forged = sqlx::query(
        "insert into common.outbox_events (id, producer, aggregate_type, aggregate_id, event_type, topic, message_key, payload)
         values (uuidv7(), 'payment_svc_user', 'Payment', uuidv7(), 'PaymentSuccess', 'payment.events', 'key', '{}')",
    )
    .execute(&mut reservation)
    .await;
    assert_eq!(refusal(forged), INSUFFICIENT_PRIVILEGE);

    assert_eq!(
        refusal(write(&mut reservation, "payment.events").await),
        CHECK_VIOLATION
    );
    write(&mut reservation, "reservation.events").await.unwrap();
    let handed_over =
        sqlx::query("update common.outbox_events set producer = 'payment_svc_user', topic = 'payment.events'")
            .execute(&mut reservation)
            .await;
    assert_eq!(refusal(handed_over), INSUFFICIENT_PRIVILEGE);
    for login in [Login::User, Login::Queue] {
        let mut silent = database.login(login).await;
        assert_eq!(refusal(write(&mut silent, "payment.events").await), CHECK_VIOLATION);
    }
}

#[tokio::test]
async fn a_login_cannot_hold_up_anothers_relay() {
    let database = Database::migrated().await;
    let mut event = database.login(Login::Event).await;
    let stolen = sqlx::query(
        "insert into common.outbox_leases (producer, shard, owner, expires_at)
         values ('payment_svc_user', 0, gen_random_uuid(), 'infinity')",
    )
    .execute(&mut event)
    .await;
    assert_eq!(refusal(stolen), INSUFFICIENT_PRIVILEGE);
}

#[tokio::test]
async fn a_keys_messages_share_a_shard_and_shards_share_the_keys() {
    let database = Database::migrated().await;
    let mut payment = database.login(Login::Payment).await;
    let (keys, pairs, shards): (i64, i64, i64) = sqlx::query_as(
        "with rows as (
            insert into common.outbox_events (id, aggregate_type, aggregate_id, event_type, topic, message_key, payload)
            select uuidv7(), 'Payment', uuidv7(), 'PaymentSuccess', 'payment.events', (n % 500)::text, '{}'
            from generate_series(1, 1000) as n
            returning message_key, shard
        )
        select count(distinct message_key), count(distinct (message_key, shard)), count(distinct shard) from rows",
    )
    .fetch_one(&mut payment)
    .await
    .unwrap();
    assert_eq!((keys, pairs, shards), (500, 500, 16));
}
