//! `ticketctl saga list`

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

use crate::{connection::Database, output::Output, text};

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those that do not go on by themselves, also ones that seemed done.
    #[arg(long)]
    stuck: bool,
    /// No more than these.
    #[arg(long, default_value_t = 100)]
    limit: u32,
    #[command(flatten)]
    database: Database,
}

#[derive(FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
struct Booking {
    reservation_id: Uuid,
    step: String,
    since_seconds: i64,
    payment_id: Uuid,
    payment_status: Option<String>,
    /// As the payment service was last told.
    reservation_believed: String,
    reservation_status: Option<String>,
    refund_status: Option<String>,
    nudges: i32,
    next_nudge_at: Option<DateTime<Utc>>,
    /// Why it needs somebody.
    stuck: Option<String>,
}

impl List {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        let mut connection = self.database.connect().await?;
        let bookings: Vec<Booking> = sqlx::query_as(include_str!("../../sql/saga/list.sql"))
            .bind(self.stuck)
            .bind(i64::from(self.limit))
            .fetch_all(&mut connection)
            .await?;
        if output.json(&bookings)? {
            return Ok(());
        }
        let or_none = |status: &Option<String>| status.clone().unwrap_or_else(|| "none".to_owned());
        for booking in &bookings {
            println!(
                "{:<9} since {:>6}  reservation {} ({}), payment {} ({}), refund {}, {} nudges{}",
                booking.step,
                text::age(booking.since_seconds),
                booking.reservation_id,
                or_none(&booking.reservation_status),
                booking.payment_id,
                or_none(&booking.payment_status),
                or_none(&booking.refund_status),
                booking.nudges,
                booking
                    .stuck
                    .as_ref()
                    .map(|why| format!("; STUCK: {why}"))
                    .unwrap_or_default(),
            );
        }
        let stuck = bookings.iter().filter(|booking| booking.stuck.is_some()).count();
        println!("{} bookings, {stuck} of them stuck.", bookings.len());
        Ok(())
    }
}
