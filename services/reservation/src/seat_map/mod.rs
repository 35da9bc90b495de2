//! The seat map: which seats of an event are free. What every reply of it has in common is written once for each copy of the
//! event ([`outline`]), and all who ask at once share one reading of the database and one text ([`readings`]).

mod outline;
mod readings;

pub(crate) use outline::{Outline, SeatMap};

use crate::{
    catalogue::{Catalogue, EventOnSale},
    db::{self, TakenSeats},
};
use axum::body::Bytes;
use common::problem::ApiResult;
use outline::SeatStatus;
use readings::{Readings, Source};
use sqlx::{PgPool, Postgres, pool::PoolConnection};
use std::sync::{Arc, OnceLock};
use uuid::Uuid;

/// The seat maps of all events.
pub(crate) struct SeatMaps(Readings<Database>);

impl SeatMaps {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self(Readings::new(Database(pool)))
    }

    /// A [`SeatMap`] as JSON, read after this was called.
    pub(crate) async fn json(&self, catalogue: &Catalogue, event_id: Uuid) -> ApiResult<Bytes> {
        let reading = self.0.ask(event_id).await?;
        let event = catalogue.at_least(event_id, reading.taken.event_version).await?;
        reading.json(&event)
    }
}

/// Where it is read.
struct Database(PgPool);

impl Source for Database {
    type Ready = PoolConnection<Postgres>;
    type Found = Arc<Reading>;

    async fn prepare(&self) -> ApiResult<Self::Ready> {
        Ok(self.0.acquire().await?)
    }

    async fn read(&self, mut connection: Self::Ready, event_id: Uuid) -> ApiResult<Self::Found> {
        let taken = db::taken_seats(&mut connection, event_id).await?;
        Ok(Arc::new(Reading {
            taken,
            shown: OnceLock::new(),
        }))
    }
}

/// What was read, for all who asked for it.
struct Reading {
    taken: TakenSeats,
    /// As JSON, and of which copy of the event.
    shown: OnceLock<(Arc<EventOnSale>, Bytes)>,
}

impl Reading {
    /// Those who have the same copy of the event share the text. Others are few: the copy was replaced just now.
    fn json(&self, event: &Arc<EventOnSale>) -> ApiResult<Bytes> {
        let outline = event.outline()?;
        let write = || outline.json(&self.statuses(event));
        let (of, json) = self.shown.get_or_init(|| (Arc::clone(event), write()));
        Ok(if Arc::ptr_eq(of, event) { json.clone() } else { write() })
    }

    /// In the hall's order.
    fn statuses(&self, event: &EventOnSale) -> Vec<SeatStatus> {
        let mut statuses = vec![SeatStatus::Available; event.seats.len()];
        for (seats, status) in [
            (&self.taken.held, SeatStatus::Hold),
            (&self.taken.sold, SeatStatus::Sold),
        ] {
            for place in seats.iter().filter_map(|seat| event.position(*seat)) {
                if let Some(place) = statuses.get_mut(place) {
                    *place = status;
                }
            }
        }
        statuses
    }
}
