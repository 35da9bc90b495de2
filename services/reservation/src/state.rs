use crate::{
    Config,
    catalogue::Catalogue,
    changes::Changes,
    config::Limits,
    db::standing::Bookings,
    domain::Tickets,
    keeping,
    neighbours::{EventClient, PaymentClient, QueueClient},
    seat_holds::SeatHolds,
    seat_map::SeatMaps,
    transitions::Unlocked,
};
use common::{Fresh, client::ServiceClient, redis::Redis};
use futures_util::future::join_all;
use outbox::Outbox;
use sqlx::PgPool;
use std::{ops::Deref, sync::Arc};
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

/// What every handler, consumer and loop may use; cheap to clone.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) limits: Limits,
    /// For requests.
    pub(crate) pool: PgPool,
    /// For loops, so that a backlog does not make requests wait.
    pub(crate) worker_pool: PgPool,
    pub(crate) seat_holds: SeatHolds,
    pub(crate) catalogue: Catalogue,
    pub(crate) seat_maps: SeatMaps,
    pub(crate) queue: QueueClient,
    pub(crate) payment: PaymentClient,
    /// Commits, and wakes the relay.
    pub(crate) outbox: Outbox,
    pub(crate) changes: Changes,
    /// Wakes this replica's loop that ends the reservations of cancelled events.
    pub(crate) event_closed: Notify,
    /// What is under way, for administrators.
    pub(crate) bookings: Fresh<Bookings>,
    /// Holds of which nobody knows whether the database has them, for the worker that finds out.
    pub(crate) undecided_holds: mpsc::UnboundedSender<Tickets>,
}

impl Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl AppState {
    pub(crate) fn new(
        config: &Config,
        pool: PgPool,
        worker_pool: PgPool,
        redis: Redis,
        outbox: Outbox,
        undecided_holds: mpsc::UnboundedSender<Tickets>,
    ) -> anyhow::Result<Self> {
        let Config {
            neighbours,
            limits,
            clock,
            ..
        } = config;
        let client = |name, url: &str| ServiceClient::new(name, url, neighbours.key.clone(), clock.clone());
        let events = EventClient(client("event-service", &neighbours.event_url)?);
        Ok(Self(Arc::new(Shared {
            seat_maps: SeatMaps::new(pool.clone()),
            pool,
            worker_pool,
            seat_holds: SeatHolds::new(redis),
            catalogue: Catalogue::new(events, clock.clone(), limits.catalogue_ttl, limits.catalogue_max_events),
            queue: QueueClient::new(client("queue-service", &neighbours.queue_url)?),
            payment: PaymentClient(client("payment-service", &neighbours.payment_url)?),
            outbox,
            changes: Changes::default(),
            event_closed: Notify::new(),
            bookings: Fresh::default(),
            undecided_holds,
            limits: limits.clone(),
        })))
    }

    /// What follows a committed transaction that ended reservations: their seats become free in Redis too, and whoever
    /// waits for them looks again. If it does not happen, the holds expire and the waiting look by themselves.
    pub(crate) async fn after_end(&self, ended: &[Tickets]) {
        for tickets in ended {
            self.changes.announce(tickets.reservation_id);
        }
        // All at once, so that a Redis that hangs costs one time-out and not one per reservation.
        join_all(ended.iter().map(|tickets| self.seat_holds.release(tickets))).await;
    }

    /// What follows a committed unlock: the hold in Redis ends when the one in the database does.
    pub(crate) async fn after_unlock(&self, unlocked: &Unlocked) {
        self.changes.announce(unlocked.tickets.reservation_id);
        match unlocked.left {
            Some(left) => keeping::keep(self, &unlocked.tickets, left).await,
            None => self.seat_holds.release(&unlocked.tickets).await,
        }
    }

    /// What follows a committed transaction that changed a reservation and left its seats where they are.
    pub(crate) fn after_change(&self, reservation_id: Uuid) {
        self.changes.announce(reservation_id);
    }
}
