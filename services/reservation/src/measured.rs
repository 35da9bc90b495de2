//! The two halves of a hold by themselves, as `holding` runs them: in Redis and in the database. Only the benches use this:
//! they hold the one against a lock per seat, the other against pgbench.

use crate::{
    domain::{ReservedSeat, Tickets},
    neighbours::EventInfo,
    seat_holds::{Held, SeatHolds},
    transitions::{HoldOutcome, HoldWish, hold},
};
use common::{db::DbConfig, redis::Redis};
use outbox::Outbox;
use sqlx::PgPool;
use std::time::Duration;
use uuid::Uuid;

/// Holds seats of one event in the database, with a pool like the service's own.
#[doc(hidden)]
pub struct HoldTransaction {
    pub pool: PgPool,
    outbox: Outbox,
    event_id: Uuid,
    event: EventInfo,
    hold_for: Duration,
}

impl HoldTransaction {
    /// `event` is what the event service says of it.
    ///
    /// # Errors
    /// When the settings or the event are not usable.
    pub fn new(db: &DbConfig, event_id: Uuid, event: serde_json::Value, hold_for: Duration) -> anyhow::Result<Self> {
        Ok(Self {
            pool: common::db::connect(db)?,
            outbox: Outbox::default(),
            event_id,
            event: serde_json::from_value(event)?,
            hold_for,
        })
    }

    /// Holds the seats, which are sorted, and commits; tells whether it got them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run(&self, reservation_id: Uuid, user_id: Uuid, seat_ids: &[Uuid]) -> Result<bool, sqlx::Error> {
        let seats: Vec<ReservedSeat> = seat_ids
            .iter()
            .map(|seat_id| ReservedSeat {
                seat_id: *seat_id,
                seat_number: "A-12".to_owned(),
                grade: "VIP".to_owned(),
                price: 150_000,
            })
            .collect();
        let wish = HoldWish {
            reservation_id,
            user_id,
            event_id: self.event_id,
            event: &self.event,
            event_version: i64::MAX,
            seats: &seats,
            grant_id: "grant",
            hold_for: self.hold_for,
        };
        let mut transaction = self.pool.begin().await?;
        match hold(&mut transaction, wish).await? {
            HoldOutcome::Created { .. } => {
                self.outbox.commit(transaction).await?;
                Ok(true)
            }
            _ => {
                transaction.rollback().await?;
                Ok(false)
            }
        }
    }
}

/// Holds seats of one event in Redis.
#[doc(hidden)]
pub struct RedisHold {
    holds: SeatHolds,
    event_id: Uuid,
    hold_for: Duration,
}

impl RedisHold {
    #[must_use]
    pub fn new(redis: Redis, event_id: Uuid, hold_for: Duration) -> Self {
        Self {
            holds: SeatHolds::new(redis),
            event_id,
            hold_for,
        }
    }

    /// Tells whether it got them.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn run(&self, reservation_id: Uuid, user_id: Uuid, seat_ids: &[Uuid]) -> redis::RedisResult<bool> {
        let tickets = Tickets {
            reservation_id,
            user_id,
            event_id: self.event_id,
            seat_ids: seat_ids.to_vec(),
        };
        let held = self.holds.hold(&tickets, self.hold_for).await?;
        Ok(matches!(held, Held::All { .. }))
    }
}
