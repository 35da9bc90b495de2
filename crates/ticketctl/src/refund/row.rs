//! A refund as operators see it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

#[derive(Debug, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    pub(super) payment_id: Uuid,
    pub(super) reservation_id: Uuid,
    /// Won.
    pub(super) amount: i64,
    pub(super) reason: String,
    pub(super) status: String,
    pub(super) payment_status: String,
    pub(super) attempts: i32,
    pub(super) requested_at: DateTime<Utc>,
    pub(super) next_attempt_at: Option<DateTime<Utc>>,
    pub(super) deadline_at: DateTime<Utc>,
    pub(super) completed_at: Option<DateTime<Utc>>,
    pub(super) last_error: Option<String>,
    pub(super) age_seconds: i64,
    /// Still tried, but past its deadline: the next failure ends it.
    pub(super) is_overdue: bool,
}

impl Row {
    /// Its state in a word.
    pub(super) fn state(&self) -> &str {
        if self.is_overdue { "OVERDUE" } else { &self.status }
    }
}

/// One payment's refund, or those of a status, or those that are not done.
pub(super) async fn find(
    connection: &mut PgConnection,
    payment: Option<Uuid>,
    status: Option<&str>,
    limit: i64,
) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as(include_str!("../../sql/refund/refunds.sql"))
        .bind(payment)
        .bind(status)
        .bind(limit)
        .fetch_all(connection)
        .await
}
