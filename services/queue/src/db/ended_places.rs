use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, PgPool};
use uuid::Uuid;

/// A user's places in a line that are over, whatever a ticket says.
#[derive(Clone, Debug)]
pub(crate) struct EndedPlaces {
    /// Microseconds of entry of the last of them, or later.
    pub(crate) up_to_score: i64,
    /// The grant it ended with.
    pub(crate) grant_id: Option<String>,
    /// Whether the user left, and did not buy.
    pub(crate) has_left: bool,
    /// Whether Redis, had it lost nothing, would still remember the end.
    pub(crate) is_recent: bool,
}

/// Notes that the user left, at this microsecond of Redis' clock.
pub(crate) async fn note_left(pool: &PgPool, event: Uuid, user: Uuid, now: i64) -> Result<(), sqlx::Error> {
    note(pool, event, user, now, None, true).await
}

/// Notes that the user bought seats under a grant. `granted_at`: the microsecond in which it was made, so that it is later
/// than the entry of its place and earlier than that of any next one.
pub(crate) async fn note_bought(
    executor: impl PgExecutor<'_>,
    event: Uuid,
    user: Uuid,
    grant_id: &str,
    granted_at: i64,
) -> Result<(), sqlx::Error> {
    note(executor, event, user, granted_at, Some(grant_id), false).await
}

async fn note(
    executor: impl PgExecutor<'_>,
    event: Uuid,
    user: Uuid,
    up_to_score: i64,
    grant_id: Option<&str>,
    has_left: bool,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            INSERT INTO queue_service.ended_places AS kept (event_id, user_id, up_to_score, grant_id, has_left)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (event_id, user_id) DO UPDATE SET
                up_to_score = $3, grant_id = $4, has_left = $5, ended_at = clock_timestamp()
            WHERE kept.up_to_score < $3
        "#,
        event,
        user,
        up_to_score,
        grant_id,
        has_left,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// The user's places in that line that are over.
pub(crate) async fn find(pool: &PgPool, event: Uuid, user: Uuid) -> Result<Option<EndedPlaces>, sqlx::Error> {
    sqlx::query_as!(
        EndedPlaces,
        r#"
            SELECT up_to_score, grant_id, has_left,
                   ended_at > clock_timestamp() - interval '10 minutes' AS "is_recent!"
            FROM queue_service.ended_places
            WHERE event_id = $1 AND user_id = $2
        "#,
        event,
        user,
    )
    .fetch_optional(pool)
    .await
}

/// Who bought under which grant, of those whose places in that line ended at that time or later.
pub(crate) async fn bought_since(
    pool: &PgPool,
    event: Uuid,
    since: DateTime<Utc>,
) -> Result<Vec<(Uuid, String)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
            SELECT user_id, grant_id AS "grant_id!"
            FROM queue_service.ended_places
            WHERE event_id = $1 AND ended_at >= $2 AND grant_id IS NOT NULL
        "#,
        event,
        since,
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.user_id, row.grant_id)).collect())
}

/// Forgets places that ended so long ago that no ticket of them is worth anything.
pub(crate) async fn forget_old(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query!(r#"DELETE FROM queue_service.ended_places WHERE ended_at < clock_timestamp() - interval '2 days'"#)
        .execute(pool)
        .await?;
    Ok(())
}
