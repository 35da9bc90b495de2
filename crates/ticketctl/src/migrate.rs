//! `ticketctl migrate`

use anyhow::{Context, ensure};
use clap::Args;
use common::config::{Env, Profile};
use schema::{Login, Passwords};

use crate::connection::Database;

/// The services' passwords come from `DB_PASSWORD_USER`, `DB_PASSWORD_EVENT`, ….
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    #[command(flatten)]
    database: Database,
}

impl Migrate {
    pub(crate) async fn run(self, env: &Env) -> anyhow::Result<()> {
        let passwords = passwords(env)?;
        schema::migrate(&self.database.url, &passwords)
            .await
            .context("the database is not up to date")?;
        println!("The database is up to date.");
        Ok(())
    }
}

/// Locally each login has a well-known password; in production every one must be given.
fn passwords(env: &Env) -> anyhow::Result<Passwords> {
    for login in Login::ALL {
        let given = env.optional(login.password_variable());
        ensure!(
            env.profile() == Profile::Local || given.is_some_and(|password| password != login.local_password()),
            "{}: must be set in prod, and not to the local default",
            login.password_variable()
        );
    }
    Ok(Passwords::by(|login| {
        env.string_or(login.password_variable(), login.local_password())
    }))
}
