//! `ticketctl migrate`

use std::collections::HashMap;

use anyhow::Context;
use clap::Args;
use common::config::{ConfigError, Env};
use schema::{Login, Passwords};
use secrecy::ExposeSecret;

use crate::{connection::Database, output::Output};

/// The services' passwords come from `DB_PASSWORD_USER`, `DB_PASSWORD_EVENT`, ….
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ticketctl migrate
  ticketctl migrate --database-url postgres://master@db.example.com/ticketing
  ticketctl migrate --only-roles

It may be repeated, and run while the former release serves.")]
pub(crate) struct Migrate {
    /// Only make the roles that are missing and set the logins' passwords: what a server needs before a backup is restored into it.
    #[arg(long)]
    only_roles: bool,
    #[command(flatten)]
    database: Database,
}

impl Migrate {
    pub(crate) async fn run(self, env: &Env, output: Output) -> anyhow::Result<()> {
        let passwords = passwords(env)?;
        let done = if self.only_roles {
            schema::make_roles(&self.database.url, &passwords)
                .await
                .context("the roles are not there")?;
            "The roles are there."
        } else {
            schema::migrate(&self.database.url, &passwords)
                .await
                .context("the database is not up to date")?;
            "The database is up to date."
        };
        if !output.json(&serde_json::json!({ "done": done }))? {
            println!("{done}");
        }
        Ok(())
    }
}

/// Locally each login has a well-known password; in production every one must be given.
pub(crate) fn passwords(env: &Env) -> Result<Passwords, ConfigError> {
    let mut given = HashMap::new();
    for login in Login::ALL {
        let password = env.issued_secret(login.password_variable(), login.local_password())?;
        given.insert(login, password.expose_secret().to_owned());
    }
    Ok(Passwords::by(|login| given.remove(&login).unwrap_or_default()))
}
