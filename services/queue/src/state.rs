use crate::{
    config::{Config, Streaming},
    domain::{Limits, Pace, PollLimits, TicketKeys},
    epochs::{EpochError, Epochs},
    event_settings::EventSettings,
    recovery::CountedIn,
    routes::QueueStats,
    streams::Streams,
    upstream::{Availability, EventDirectory, Holders},
    waiting_line::WaitingLine,
    wake::Waker,
};
use chrono::{DateTime, Utc};
use common::{Fresh, client::ServiceClient, lifecycle::Shutdown, redis::Redis};
use sqlx::PgPool;
use std::{
    collections::HashMap,
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use uuid::Uuid;

/// How often a replica notes that an event has a line; far less than the registry keeps it.
const REGISTER_EVERY: Duration = Duration::from_secs(10);

/// What handlers, consumers and loops share; cheap to clone.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) pool: PgPool,
    pub(crate) line: WaitingLine,
    pub(crate) epochs: Epochs,
    pub(crate) events: EventDirectory,
    pub(crate) availability: Availability,
    pub(crate) holders: Holders,
    /// After a loss of Redis: whose holders of seats were given their places.
    pub(crate) counted_in: CountedIn,
    pub(crate) settings: EventSettings,
    pub(crate) limits: Limits,
    pub(crate) polling: PollLimits,
    pub(crate) ticket_keys: TicketKeys,
    pub(crate) streaming: Streaming,
    pub(crate) streams: Arc<Streams>,
    /// All lines, for administrators.
    pub(crate) lines: Fresh<Vec<QueueStats>>,
    /// Wakes this replica's admission loop.
    pub(crate) waker: Waker,
    /// When this replica noted that an event has a line, and in which epoch.
    registered: Mutex<HashMap<Uuid, (Instant, i64)>>,
}

impl Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl AppState {
    pub(crate) fn new(config: &Config, pool: PgPool, redis: Redis, closing: Shutdown) -> anyhow::Result<Self> {
        let client = |name, url: &str| ServiceClient::new(name, url, config.signing_key.clone(), config.clock.clone());
        let line = WaitingLine::new(redis);
        Ok(Self(Arc::new(Shared {
            epochs: Epochs::new(line.clone(), pool.clone(), config.recovery_pause, config.limits.grace),
            events: EventDirectory::new(client("event", &config.event_service_url)?, config.event_facts_ttl),
            availability: Availability::new(
                client("reservation", &config.reservation_service_url)?,
                config.availability_ttl,
                config.availability_patience,
            ),
            holders: Holders(client("reservation", &config.reservation_service_url)?),
            counted_in: CountedIn::default(),
            settings: EventSettings::new(pool.clone(), config.limits.clone(), config.event_settings_ttl),
            limits: config.limits.clone(),
            polling: config.polling,
            ticket_keys: config.ticket_keys.clone(),
            streaming: config.streaming,
            streams: Arc::new(Streams::new(closing)),
            lines: Fresh::default(),
            waker: Waker::default(),
            registered: Mutex::default(),
            line,
            pool,
        })))
    }

    /// Notes that an event has a line, so that admission looks at it. A note from before Redis lost its memory counts for
    /// nothing.
    pub(crate) async fn register_live(&self, event: Uuid) -> Result<(), EpochError> {
        let epoch = self.epochs.current().await?.epoch;
        let is_fresh = |(at, of): &(Instant, i64)| *of == epoch && at.elapsed() < REGISTER_EVERY;
        {
            let registered = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
            if registered.get(&event).is_some_and(is_fresh) {
                return Ok(());
            }
        }
        self.line.register_live(event).await?;
        let mut registered = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        registered.retain(|_, note| is_fresh(note));
        registered.insert(event, (Instant::now(), epoch));
        Ok(())
    }

    /// How fast an event's line moves at Redis' time `now`.
    pub(crate) async fn pace(&self, event: Uuid, measured: Option<f64>, now: DateTime<Utc>) -> Pace {
        let settings = self.settings.of_or_paused(event).await;
        let recovering = match self.epochs.current().await {
            Ok(mark) => mark.loss.is_some_and(|loss| loss.pauses(event, now)),
            // Nobody is admitted while that is unknown.
            Err(_) => true,
        };
        // The ticks keep it known. While it is not, nobody is admitted.
        let on_sale = self.events.known(event).is_some_and(|facts| facts.is_on_sale(now));
        let seats_left = self.availability.is_known(event) && !self.availability.is_sold_out(event);
        Pace {
            rate: f64::from(settings.admission_per_second),
            measured,
            halted: settings.paused || recovering || !on_sale || !seats_left,
        }
    }
}
