use crate::{neighbours::ReservationClient, posters::Posters, reads::Reads};
use common::Clock;
use outbox::Outbox;
use sqlx::PgPool;
use std::sync::Arc;

/// What every handler may use; cheap to clone.
#[derive(Clone)]
pub(crate) struct AppState {
    pub(crate) pool: PgPool,
    /// Wakes the relay after a commit that enqueued something.
    pub(crate) outbox: Outbox,
    pub(crate) reservations: ReservationClient,
    /// How many tickets one buyer may have where an administrator does not say.
    pub(crate) default_max_tickets: i32,
    /// For the status that replies show.
    pub(crate) clock: Clock,
    /// What clients read most, kept ready.
    pub(crate) reads: Arc<Reads>,
    /// The bucket.
    pub(crate) posters: Posters,
}
