use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

/// Any number that no other advisory lock of this database has.
const LOCK: i64 = 0x7175_6575_6500;

/// An epoch as the database remembers it.
#[derive(Clone, Debug)]
pub(crate) struct EpochRow {
    pub(crate) epoch: i64,
    pub(crate) began_at: DateTime<Utc>,
    pub(crate) last_alive_at: DateTime<Utc>,
}

/// Lets only one replica at a time begin an epoch, until the connection is closed.
pub(crate) async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!(r#"SELECT pg_advisory_lock($1)"#, LOCK)
        .execute(connection)
        .await?;
    Ok(())
}

/// The latest epochs, the last one first.
pub(crate) async fn latest(connection: &mut PgConnection) -> Result<Vec<EpochRow>, sqlx::Error> {
    sqlx::query_as!(
        EpochRow,
        r#"
            SELECT epoch, began_at, last_alive_at
            FROM queue_service.epochs
            ORDER BY epoch DESC
            LIMIT 100
        "#,
    )
    .fetch_all(connection)
    .await
}

/// Begins an epoch. `now` is Redis' time, as everywhere in this table's life.
pub(crate) async fn begin(
    connection: &mut PgConnection,
    epoch: i64,
    run_id: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            INSERT INTO queue_service.epochs (epoch, run_id, began_at, last_alive_at)
            VALUES ($1, $2, $3, $3)
        "#,
        epoch,
        run_id,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that an epoch's places are whole at `now`, and the epoch itself if that is not known here.
pub(crate) async fn touch(pool: &PgPool, epoch: i64, run_id: &str, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            INSERT INTO queue_service.epochs AS kept (epoch, run_id, began_at, last_alive_at)
            VALUES ($1, $2, $3, $3)
            ON CONFLICT (epoch) DO UPDATE SET last_alive_at = greatest(kept.last_alive_at, $3)
        "#,
        epoch,
        run_id,
        now,
    )
    .execute(pool)
    .await?;
    Ok(())
}
