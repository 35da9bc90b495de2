use crate::{
    config::{Config, JobsConfig},
    lock_out::LockOut,
    login_states::LoginStates,
    passwords::Passwords,
    personal_data::Keyring,
    providers::{identity::IdentityVerifier, recaptcha::Recaptcha, social::SocialProviders},
    sessions::Sessions,
    signup_tokens::SignupTokens,
};
use anyhow::Context;
use common::{Clock, internal_auth::Verifier, redis::Redis};
use sqlx::PgPool;
use std::{sync::Arc, time::Duration};

/// What the handlers work with; cheap to clone.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) db: PgPool,
    pub(crate) redis: Redis,
    pub(crate) verifier: Verifier,
    pub(crate) keyring: Keyring,
    pub(crate) passwords: Passwords,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) lock_out: LockOut,
    pub(crate) jobs: JobsConfig,
    pub(crate) rejoin_after: Duration,
    pub(crate) recaptcha: Arc<Recaptcha>,
    pub(crate) identities: Arc<IdentityVerifier>,
    pub(crate) social: Arc<SocialProviders>,
    pub(crate) login_states: Arc<LoginStates>,
    pub(crate) signup_tokens: Arc<SignupTokens>,
}

impl App {
    pub(crate) async fn new(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let db = common::db::connect(&config.db).context("DATABASE_URL")?;
        let redis = common::redis::connect(&config.redis).context("REDIS_URL")?;
        let keyring = &config.keyring;
        Ok(Self {
            social: Arc::new(SocialProviders::new(&config.social, config.providers, &clock)?),
            login_states: Arc::new(LoginStates::new(
                redis.clone(),
                keyring.clone(),
                config.social.state_ttl,
            )),
            signup_tokens: Arc::new(SignupTokens::new(
                redis.clone(),
                keyring.clone(),
                config.social.signup_ttl,
            )),
            passwords: Passwords::new(config.bcrypt_cost, config.hashes_in_flight).await?,
            sessions: Arc::new(Sessions::new(&config, &db, &redis, clock.clone())),
            lock_out: LockOut::new(config.keyring.clone(), config.lock_out),
            jobs: config.jobs,
            rejoin_after: config.rejoin_after,
            recaptcha: Arc::new(Recaptcha::new(config.recaptcha, config.providers)?),
            identities: Arc::new(IdentityVerifier::new(
                config.portone,
                config.providers,
                config.identity_max_age,
                clock,
            )?),
            db,
            redis,
            verifier: config.verifier,
            keyring: config.keyring,
        })
    }
}
