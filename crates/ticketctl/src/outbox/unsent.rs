//! What services have not sent, for `ticketctl outbox list` and `ticketctl status`.

use serde::Serialize;
use sqlx::{FromRow, PgConnection};

/// What one service has not sent.
#[derive(FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Unsent {
    pub(crate) producer: String,
    pub(crate) waiting: i64,
    pub(crate) parked: i64,
    pub(crate) oldest_seconds: f64,
}

/// Of those that have something to send.
pub(crate) async fn by_producer(connection: &mut PgConnection) -> Result<Vec<Unsent>, sqlx::Error> {
    sqlx::query_as(include_str!("../../sql/outbox/unsent.sql"))
        .fetch_all(connection)
        .await
}
