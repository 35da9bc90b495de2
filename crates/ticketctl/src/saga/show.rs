//! `ticketctl saga show`

use anyhow::ensure;
use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use sqlx::{Connection, FromRow};
use uuid::Uuid;

use super::booking::reservation_of;
use crate::{connection::Database, deliveries::deliveries, output::Output, text};

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The reservation's id, or a payment's of it.
    booking: Uuid,
    #[command(flatten)]
    database: Database,
}

/// A row that says where the booking stands.
#[derive(FromRow, Serialize)]
struct State {
    part: String,
    id: Uuid,
    status: String,
    words: String,
}

/// Something that happened to it.
#[derive(FromRow, Serialize)]
struct Step {
    at: DateTime<Utc>,
    who: String,
    what: String,
}

#[derive(Serialize)]
struct Booking {
    reservation_id: Uuid,
    states: Vec<State>,
    history: Vec<Step>,
}

impl Show {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        let booking = self.read().await?;
        if output.json(&booking)? {
            return Ok(());
        }
        for State {
            part,
            id,
            status,
            words,
        } in &booking.states
        {
            println!("{part:<11} {id} {status:<10} {words}");
        }
        println!();
        for Step { at, who, what } in &booking.history {
            println!("{} {who:<11} {what}", text::time(Some(*at)));
        }
        Ok(())
    }

    /// All of it as of one moment.
    async fn read(&self) -> anyhow::Result<Booking> {
        let mut connection = self.database.connect().await?;
        let mut snapshot = connection
            .begin_with("begin transaction isolation level repeatable read, read only")
            .await?;
        let reservation_id = reservation_of(&mut snapshot, self.booking).await?;
        sqlx::query("select set_config('ticketctl.deliveries', $1, true)")
            .bind(deliveries())
            .execute(&mut *snapshot)
            .await?;
        let states: Vec<State> = sqlx::query_as(include_str!("../../sql/saga/states.sql"))
            .bind(reservation_id)
            .fetch_all(&mut *snapshot)
            .await?;
        let history: Vec<Step> = sqlx::query_as(include_str!("../../sql/saga/history.sql"))
            .bind(reservation_id)
            .fetch_all(&mut *snapshot)
            .await?;
        snapshot.rollback().await?;
        ensure!(
            !states.is_empty() || !history.is_empty(),
            "there is neither a reservation nor a payment {}",
            self.booking
        );
        Ok(Booking {
            reservation_id,
            states,
            history,
        })
    }
}
