//! Where accounts and the keys of their personal data are.

use anyhow::Context;
use clap::Args;
use common::config::Env;
use user_service::Config;

/// Accounts are read and written as the user service would, so that service's settings, above all the keys of personal data
/// (`PERSONAL_DATA_KEYS`, `BLIND_INDEX_KEY`), come from the environment.
#[derive(Debug, Args)]
pub(crate) struct Accounts {
    /// URL of the database, if it is not the one of `DATABASE_URL`. The user service's own login suffices.
    #[arg(long, env = "TICKETCTL_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
}

impl Accounts {
    pub(crate) fn config(self, env: &Env) -> anyhow::Result<Config> {
        let config = match self.database_url {
            Some(url) => Config::from_env(&env.with("DATABASE_URL", url)),
            None => Config::from_env(env),
        };
        config.context("the user service's settings are not usable")
    }
}
