//! What the database tells.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

use crate::{
    connection::Database,
    outbox::unsent::{self, Unsent},
};

/// Bookings and money on their way.
#[derive(FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    pub(super) reservations_pending: i64,
    pub(super) seats_held: i64,
    pub(super) payments_pending: i64,
    pub(super) sagas_paid: i64,
    /// Paid for two minutes and not confirmed.
    pub(super) sagas_stuck: i64,
    pub(super) refunds_waiting: i64,
    pub(super) refunds_failed: i64,
}

/// All of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Numbers {
    pub(super) counts: Counts,
    pub(super) outbox: Vec<Unsent>,
    /// Titles of concerts that are not over, for lines are known by the concert's id.
    #[serde(skip)]
    pub(super) titles: HashMap<Uuid, String>,
}

/// Reads it.
pub(super) async fn read(database: &Database) -> anyhow::Result<Numbers> {
    let mut connection = database.connect().await?;
    let counts = sqlx::query_as(include_str!("../../sql/status/counts.sql"))
        .fetch_one(&mut connection)
        .await?;
    let outbox = unsent::by_producer(&mut connection).await?;
    let titles: Vec<(Uuid, String)> =
        sqlx::query_as("select id, title from event_service.events where sale_end_at > clock_timestamp()")
            .fetch_all(&mut connection)
            .await?;
    Ok(Numbers {
        counts,
        outbox,
        titles: titles.into_iter().collect(),
    })
}
