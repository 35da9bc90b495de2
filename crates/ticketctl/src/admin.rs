//! `ticketctl admin`

use anyhow::Context;
use clap::{Args, Subcommand};
use common::config::Env;
use user_service::{AdminAccount, AdminOutcome, Config, create_admin};

#[derive(Debug, Subcommand)]
pub(crate) enum Admin {
    /// Create an administrator's account, unless one with this email exists.
    Create(Create),
}

/// The account is made as the user service would make it, so that service's settings, above all the keys of personal
/// data (`PERSONAL_DATA_KEYS`, `BLIND_INDEX_KEY`), come from the environment.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// URL of the database, if it is not the one of `DATABASE_URL`. The user service's own login suffices.
    #[arg(long, env = "TICKETCTL_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Signs in with this.
    #[arg(long)]
    email: String,
    /// Signs in with this; a variable keeps it out of the list of processes.
    #[arg(long, env = "TICKETCTL_ADMIN_PASSWORD", hide_env_values = true)]
    password: String,
    /// Shown in audits.
    #[arg(long, default_value = "Administrator")]
    name: String,
}

impl Admin {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let Self::Create(Create {
            database_url,
            email,
            password,
            name,
        }) = self;
        let database_url = database_url.map(|url| ("DATABASE_URL".to_owned(), url));
        let env = Env::from_pairs(std::env::vars().chain(database_url))?;
        let config = Config::from_env(&env).context("the user service's settings are not usable")?;
        let account = AdminAccount { email, password, name };
        match create_admin(&config, account).await? {
            AdminOutcome::Created(id) => println!("created {id}"),
            AdminOutcome::Exists => println!("There is an account with this email; it was left as it is."),
        }
        Ok(())
    }
}
