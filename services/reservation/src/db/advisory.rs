use sqlx::PgConnection;
use uuid::Uuid;

/// Serialises what one buyer does about one concert until the end of the transaction: limits are counted and the pending
/// reservation is looked for under it, so two tabs cannot both pass.
pub(crate) async fn lock_buyer(
    connection: &mut PgConnection,
    user_id: Uuid,
    event_id: Uuid,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            select pg_advisory_xact_lock(hashtextextended('buyer:' || $1::uuid || ':' || $2::uuid, 0)) as "locked!: ()"
        "#,
        user_id,
        event_id,
    )
    .fetch_one(connection)
    .await
    .map(|_| ())
}

/// Joins those who may act on the event while it is open. Closing it takes the same lock exclusively, so that whoever got
/// it before is seen by the closer, and whoever gets it after sees the event closed, if it looks in a later statement.
pub(crate) async fn share_event(connection: &mut PgConnection, event_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"select pg_advisory_xact_lock_shared(hashtextextended('event:' || $1::uuid, 0)) as "locked!: ()""#,
        event_id,
    )
    .fetch_one(connection)
    .await
    .map(|_| ())
}

/// Has the event for itself until the end of the transaction: waits for everybody who shares it, and keeps others waiting.
pub(crate) async fn lock_event(connection: &mut PgConnection, event_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"select pg_advisory_xact_lock(hashtextextended('event:' || $1::uuid, 0)) as "locked!: ()""#,
        event_id,
    )
    .fetch_one(connection)
    .await
    .map(|_| ())
}

/// Both locks in one round trip, in their order.
pub(crate) async fn lock_buyer_and_share_event(
    connection: &mut PgConnection,
    user_id: Uuid,
    event_id: Uuid,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
            select
                pg_advisory_xact_lock(hashtextextended('buyer:' || $1::uuid || ':' || $2::uuid, 0)) as "buyer!: ()",
                pg_advisory_xact_lock_shared(hashtextextended('event:' || $2::uuid, 0)) as "event!: ()"
        "#,
        user_id,
        event_id,
    )
    .fetch_one(connection)
    .await
    .map(|_| ())
}
