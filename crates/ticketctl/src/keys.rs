//! `ticketctl keys`

use crate::accounts::Accounts;
use anyhow::ensure;
use clap::Subcommand;
use common::config::Env;
use user_service::{KeyStanding, key_use, rotate_keys};

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// How many rows each key has. A key without rows may be taken out of PERSONAL_DATA_KEYS, once no replica encrypts
    /// with it.
    Status(Accounts),
    /// Write everything anew that was not encrypted with the key that encrypts now: PERSONAL_DATA_KEY_ID, or the first one.
    /// The service goes on meanwhile; may be stopped and begun again at any time.
    Rotate(Accounts),
}

impl Keys {
    pub(crate) async fn run(self, env: &Env) -> anyhow::Result<()> {
        match self {
            Self::Status(accounts) => status(accounts, env).await,
            Self::Rotate(accounts) => rotate(accounts, env).await,
        }
    }
}

async fn status(accounts: Accounts, env: &Env) -> anyhow::Result<()> {
    for key in key_use(&accounts.config(env)?).await? {
        let standing = match (key.standing, key.rows) {
            (KeyStanding::Encrypts, _) => "encrypts",
            (KeyStanding::Decrypts, 0) => "decrypts; may be taken away",
            (KeyStanding::Decrypts, _) => "decrypts",
            (KeyStanding::Missing, _) => "MISSING: these rows cannot be read",
        };
        println!("{:16} {:10} rows  {standing}", key.key_id, key.rows);
    }
    Ok(())
}

async fn rotate(accounts: Accounts, env: &Env) -> anyhow::Result<()> {
    let mut told = 0;
    let rotated = rotate_keys(&accounts.config(env)?, |so_far| {
        if so_far.rows >= told + 10_000 {
            told = so_far.rows;
            println!("{told} rows so far");
        }
    })
    .await?;
    println!(
        "{} rows written anew, {} changed by others meanwhile",
        rotated.rows, rotated.changed_meanwhile
    );
    ensure!(
        rotated.unreadable == 0,
        "{} rows cannot be opened with any of the keys",
        rotated.unreadable
    );
    ensure!(
        rotated.left == 0,
        "{} rows are left: somebody still encrypts with another key",
        rotated.left
    );
    Ok(())
}
