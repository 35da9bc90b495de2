//! How the sale stands, as an administrator sees it: on connections of his own, so that he does not stand in line with the
//! buyers.

use crate::{client::Call, onsale::sale::Sale};
use serde::Deserialize;
use std::sync::Arc;

/// An administrator who looks at the event.
pub(super) struct Office {
    pub(super) sale: Arc<Sale>,
    /// His access token.
    admin: String,
}

/// The line and the places.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stats {
    pub(super) waiting: u64,
    pub(super) active: u64,
    pub(super) admitted: u64,
}

/// The seats by what the map shows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Map {
    pub(super) available: usize,
    pub(super) held: usize,
    pub(super) sold: usize,
}

impl Office {
    pub(super) fn new(sale: Arc<Sale>, admin: String) -> Self {
        Self { sale, admin }
    }

    /// None if the queue does not tell right now.
    pub(super) async fn stats(&self) -> Option<Stats> {
        let path = format!("/queue/admin/stats?eventId={}", self.sale.event);
        let call = Call::new("GET /queue/admin/stats", &path).bearer(&self.admin);
        self.sale.world.office().send(call).await.ok()?.parse()
    }

    /// None if it cannot be read right now.
    pub(super) async fn map(&self) -> Option<Map> {
        let call = Call::new("GET /reservations/seats/{id}", &self.sale.seats_path).bearer(&self.admin);
        let reply = self.sale.world.office().send(call).await.ok()?.json();
        let mut map = Map::default();
        for seat in reply["seats"].as_array()? {
            match seat["status"].as_str() {
                Some("AVAILABLE") => map.available += 1,
                Some("HOLD") => map.held += 1,
                Some("SOLD") => map.sold += 1,
                _ => return None,
            }
        }
        Some(map)
    }
}
