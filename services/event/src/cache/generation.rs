use super::{
    shared::Shared,
    slot::{Outcome, Slot, Turn},
};
use redis::RedisResult;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// The tag of pages that are loaded while nobody can tell the generation. It is no generation's, so none of them is shown once
/// Redis is back.
pub(crate) const UNKNOWN: &str = "unknown";

/// The lists' generation as this process knows it. Every change of the catalogue begins a new one, and no page of an older
/// one is shown any more: a page does not know which changes concern it.
pub(crate) struct ListGeneration {
    shared: Arc<Shared>,
    slot: Slot<String>,
    known_for: Duration,
}

impl ListGeneration {
    pub(crate) fn new(shared: &Arc<Shared>, known_for: Duration) -> Self {
        Self {
            shared: Arc::clone(shared),
            slot: Slot::default(),
            known_for,
        }
    }

    /// The present one, at most `known_for` old, or twice that while somebody asks. Nothing if Redis does not tell.
    pub(crate) async fn get(&self) -> Option<Arc<String>> {
        let _turn = match self.slot.turn(self.known_for, |_| true).await {
            Turn::Fresh(generation) | Turn::Stale(generation) | Turn::Told(Outcome::Found(generation)) => {
                return Some(generation);
            }
            Turn::Told(Outcome::Missing | Outcome::Failed) => return None,
            Turn::Mine(turn) => turn,
        };
        let asked = Instant::now();
        if let Ok(generation) = self.shared.list_generation().await {
            let generation = Arc::new(generation);
            self.slot.keep(Arc::clone(&generation), asked, self.known_for * 2);
            return Some(generation);
        }
        self.slot.end(Outcome::Failed);
        None
    }

    /// Begins a new one. This process knows it at once, the others when they ask again.
    pub(super) async fn renew(&self) -> RedisResult<()> {
        let new = self.shared.new_list_generation().await?;
        self.slot.keep(Arc::new(new), Instant::now(), self.known_for * 2);
        Ok(())
    }
}
