use crate::{
    config::Config,
    passwords::Passwords,
    personal_data::Keyring,
    providers::{identity::IdentityVerifier, recaptcha::Recaptcha},
    sessions::Sessions,
};
use anyhow::Context;
use common::{Clock, internal_auth::Verifier, redis::Redis};
use sqlx::PgPool;
use std::sync::Arc;

/// What the handlers work with; cheap to clone.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) db: PgPool,
    pub(crate) redis: Redis,
    pub(crate) verifier: Verifier,
    pub(crate) keyring: Keyring,
    pub(crate) passwords: Passwords,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) recaptcha: Arc<Recaptcha>,
    pub(crate) identities: Arc<IdentityVerifier>,
}

impl App {
    pub(crate) async fn new(config: Config, clock: Clock) -> anyhow::Result<Self> {
        Ok(Self {
            db: common::db::connect(&config.db).context("DATABASE_URL")?,
            redis: common::redis::connect(&config.redis).context("REDIS_URL")?,
            passwords: Passwords::new(config.bcrypt_cost, config.hashes_in_flight).await?,
            sessions: Arc::new(Sessions::new(&config, clock.clone())),
            recaptcha: Arc::new(Recaptcha::new(config.recaptcha)?),
            identities: Arc::new(IdentityVerifier::new(config.portone, config.identity_max_age, clock)?),
            verifier: config.verifier,
            keyring: config.keyring,
        })
    }
}
