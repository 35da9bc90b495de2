//! What a request does, without HTTP, and one tick of admission. Only the benches use this.

use crate::{
    Config,
    domain::{Limits, Settings, Ticket, TicketState},
    entry, routes,
    state::AppState,
    waiting_line::{self, Tick},
};
use common::{lifecycle::Shutdown, problem::Problem, redis::Redis};
use redis::Script;
use uuid::Uuid;

/// The service's lines, on connections of their own.
#[doc(hidden)]
pub struct Lines {
    state: AppState,
    limits: Limits,
}

impl Lines {
    /// # Errors
    /// When a setting is not usable.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        let (pool, redis) = (common::db::connect(&config.db)?, common::redis::connect(&config.redis)?);
        Ok(Self {
            state: AppState::new(config, pool, redis, Shutdown::new())?,
            limits: config.limits.clone(),
        })
    }

    /// What `GET /queue/status?eventId=` does, up to the reply.
    ///
    /// # Errors
    /// When the user is not in line or a server is away.
    pub async fn status(&self, user: Uuid, event: Uuid) -> anyhow::Result<()> {
        routes::status_of(&self.state, user, event)
            .await
            .map_err(|problem| refused(&problem))
    }

    /// What `POST /queue/enter` does, up to the reply.
    ///
    /// # Errors
    /// When the user is refused or a server is away.
    pub async fn enter(&self, user: Uuid, event: Uuid) -> anyhow::Result<()> {
        let _standing = entry::enter(&self.state, user, event)
            .await
            .map_err(|problem| refused(&problem))?;
        Ok(())
    }

    /// Puts somebody into the line who entered at that microsecond, with the claim that goes with it.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn place(&self, user: Uuid, event: Uuid, score: i64) -> anyhow::Result<()> {
        let ticket = Ticket {
            user,
            event,
            score,
            epoch: 0,
            issued_at_millis: 0,
            state: TicketState::Waiting,
        };
        let line = &self.state.line;
        let (_standing, _claimed) = tokio::try_join!(
            line.restore(&ticket, self.limits.session, None, None),
            line.claim(user, event, self.limits.user_claim),
        )?;
        Ok(())
    }

    /// One tick with room for as many as a batch takes; how many were admitted.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn admit(&self, event: Uuid) -> anyhow::Result<u64> {
        let tick = Tick {
            settings: Settings::new(&self.limits, Some(self.limits.batch), Some(1_000_000), false),
            limits: &self.limits,
            paused: false,
            unsold: Some((1_000_000, 0)),
            full_bucket: true,
            life: None,
        };
        Ok(self.state.line.tick(event, tick).await?.admitted)
    }
}

/// The keys of an event's line, as every script of it takes them.
#[doc(hidden)]
#[must_use]
pub fn keys(event: Uuid) -> [String; 8] {
    waiting_line::line_keys(event)
}

/// The key of a user's claim.
#[doc(hidden)]
#[must_use]
pub fn claim_key(user: Uuid) -> String {
    waiting_line::claim_key(user)
}

/// A script about one line, with the head that all of them have.
#[doc(hidden)]
#[must_use]
pub fn line_script(action: &str) -> Script {
    Script::new(&[include_str!("../lua/line.lua"), action].concat())
}

/// A client of the service's kind.
///
/// # Errors
/// When the address cannot be read.
#[doc(hidden)]
pub fn client(config: &Config) -> anyhow::Result<Redis> {
    Ok(common::redis::connect(&config.redis)?)
}

fn refused(problem: &Problem) -> anyhow::Error {
    anyhow::anyhow!("{problem}")
}
