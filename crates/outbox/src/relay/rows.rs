//! The relay's statements. Row security shows it its own login's rows only; they still name the producer, because that is
//! how the indexes begin.

use std::collections::BTreeMap;

use sqlx::{FromRow, PgPool, types::Json};
use uuid::Uuid;

/// A row to send.
#[derive(Debug, FromRow)]
pub(crate) struct Row {
    pub(crate) id: Uuid,
    pub(super) shard: i16,
    pub(crate) topic: String,
    pub(crate) message_key: String,
    /// JSON text as the database has it; it is passed on unread.
    pub(super) payload: String,
    pub(crate) headers: Json<BTreeMap<String, String>>,
    /// How long ago it was written, when it was read.
    pub(super) age_seconds: f64,
}

/// The next rows of the shards that `relay` has leased, at most `limit` of each, those of a shard in order. Keys behind a
/// parked row are left out.
pub(super) async fn next(pool: &PgPool, relay: Uuid, limit: u16) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as(
        r#"
            select
                row.id,
                lease.shard,
                row.topic,
                row.message_key,
                row.payload::text as payload,
                row.headers,
                extract(epoch from clock_timestamp() - row.created_at)::float8 as age_seconds
            from common.outbox_leases as lease
            cross join lateral (
                select *
                from common.outbox_events as next
                where next.producer = session_user::text
                    and next.shard = lease.shard
                    and not next.published
                    and next.parked_at is null
                    and not exists (
                        select
                        from common.outbox_events as parked
                        where parked.producer = session_user::text
                            and parked.message_key = next.message_key
                            and parked.parked_at is not null
                            and not parked.published
                    )
                order by next.seq
                limit $2
            ) as row
            where lease.producer = session_user::text
                and lease.owner = $1
                and lease.expires_at > clock_timestamp()
            order by lease.shard, row.seq
        "#,
    )
    .bind(relay)
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await
}

/// Marks rows as published. If a crash of the database forgets it they are sent again, so nobody waits for the disk.
pub(super) async fn mark_published(pool: &PgPool, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query(
        r#"
            update common.outbox_events
            set published = true, published_at = clock_timestamp(), last_error = null
            from set_config('synchronous_commit', 'off', true)
            where id = any($1)
        "#,
    )
    .bind(ids)
    .execute(pool)
    .await?;
    Ok(())
}

/// Counts a failure that was the row's own fault and parks it at the last of `attempts`; tells whether it did.
pub(super) async fn mark_unfit(pool: &PgPool, id: Uuid, error: &str, attempts: u16) -> Result<bool, sqlx::Error> {
    let parked: Option<bool> = sqlx::query_scalar(
        r#"
            update common.outbox_events
            set retry_count = retry_count + 1,
                last_error = $2,
                parked_at = case when retry_count + 1 >= $3 then clock_timestamp() end
            where id = $1 and not published
            returning parked_at is not null
        "#,
    )
    .bind(id)
    .bind(error)
    .bind(i32::from(attempts))
    .fetch_optional(pool)
    .await?;
    Ok(parked.unwrap_or_default())
}

/// What waits to be sent.
#[derive(Debug, FromRow)]
pub(super) struct Backlog {
    pub(super) rows: i64,
    pub(super) parked: i64,
    pub(super) oldest_seconds: f64,
}

pub(super) async fn backlog(pool: &PgPool) -> Result<Backlog, sqlx::Error> {
    sqlx::query_as(
        r#"
            select
                count(*) as rows,
                count(parked_at) as parked,
                coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8 as oldest_seconds
            from common.outbox_events
            where producer = session_user::text and not published
        "#,
    )
    .fetch_one(pool)
    .await
}
