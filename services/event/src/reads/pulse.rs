use super::Reads;
use crate::{
    cache::{Outcome, Slot, Turn, busy},
    db::pulse::{self, Pulse},
};
use common::problem::{ApiResult, Problem};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use uuid::Uuid;

/// How long a pulse is remembered that nobody asks for.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

impl Reads {
    /// The pulse of a concert at most `CACHE_KNOWN_MILLIS` ago, or twice that while somebody feels it; nothing if there is no
    /// such concert. This is how sold seats, and changes whose message is late, show on every replica.
    ///
    /// # Errors
    /// 503 when the database does not tell.
    pub(super) async fn pulse(&self, id: Uuid) -> ApiResult<Option<Arc<Pulse>>> {
        let slot = slot(&self.pulses, id);
        let _turn = match slot.turn(self.known_for, |_| true).await {
            Turn::Fresh(pulse) | Turn::Stale(pulse) | Turn::Told(Outcome::Found(pulse)) => return Ok(Some(pulse)),
            Turn::Told(Outcome::Missing) => return Ok(None),
            Turn::Told(Outcome::Failed) => return Err(busy()),
            Turn::Mine(turn) => turn,
        };
        let asked = Instant::now();
        match self.feel(id).await {
            Ok(Some(pulse)) => {
                // The same as before stays the same thing.
                let before = slot.kept().filter(|before| **before == pulse);
                let pulse = before.unwrap_or_else(|| Arc::new(pulse));
                slot.keep(Arc::clone(&pulse), asked, FORGOTTEN_AFTER);
                Ok(Some(pulse))
            }
            Ok(None) => {
                slot.end(Outcome::Missing);
                self.pulses.remove(&id);
                Ok(None)
            }
            Err(problem) => {
                slot.end(Outcome::Failed);
                Err(problem)
            }
        }
    }

    async fn feel(&self, id: Uuid) -> Result<Option<Pulse>, Problem> {
        let _permit = self.limit.turn().await?;
        metrics::counter!("cache_loads_total", "object" => "pulse", "outcome" => "unshared").increment(1);
        Ok(pulse::of(&self.pool, id).await?)
    }
}

/// The slot of a concert, made if there is none.
pub(super) fn slot<T>(slots: &quick_cache::sync::Cache<Uuid, Arc<Slot<T>>>, id: Uuid) -> Arc<Slot<T>> {
    let made = slots.get_or_insert_with(&id, || Ok::<_, std::convert::Infallible>(Arc::default()));
    made.unwrap_or_default()
}
