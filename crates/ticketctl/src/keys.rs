//! `ticketctl keys`

use crate::{accounts::Accounts, output::Output};
use anyhow::ensure;
use clap::Subcommand;
use common::config::Env;
use serde_json::json;
use user_service::{KeyStanding, key_use, rotate_keys};

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  ticketctl keys status
  ticketctl keys rotate

The keys come from the user service's own settings (PERSONAL_DATA_KEYS or PERSONAL_DATA_KEYS_FILE, BLIND_INDEX_KEY).")]
pub(crate) enum Keys {
    /// How many rows each key has. A key without rows may be taken out of PERSONAL_DATA_KEYS, once no replica encrypts
    /// with it.
    Status(Accounts),
    /// Write everything anew that was not encrypted with the key that encrypts now: PERSONAL_DATA_KEY_ID, or the first one.
    /// The service goes on meanwhile; may be stopped and begun again at any time.
    Rotate(Accounts),
}

impl Keys {
    pub(crate) async fn run(self, env: &Env, output: Output) -> anyhow::Result<()> {
        match self {
            Self::Status(accounts) => status(accounts, env, output).await,
            Self::Rotate(accounts) => rotate(accounts, env, output).await,
        }
    }
}

async fn status(accounts: Accounts, env: &Env, output: Output) -> anyhow::Result<()> {
    let mut keys = Vec::new();
    for key in key_use(&accounts.config(env)?).await? {
        let standing = match (key.standing, key.rows) {
            (KeyStanding::Encrypts, _) => "encrypts",
            (KeyStanding::Decrypts, 0) => "decrypts; may be taken away",
            (KeyStanding::Decrypts, _) => "decrypts",
            (KeyStanding::Missing, _) => "MISSING: these rows cannot be read",
        };
        if output == Output::Text {
            println!("{:16} {:10} rows  {standing}", key.key_id, key.rows);
        }
        keys.push(json!({ "keyId": key.key_id, "rows": key.rows, "standing": standing }));
    }
    output.json(&keys)?;
    Ok(())
}

async fn rotate(accounts: Accounts, env: &Env, output: Output) -> anyhow::Result<()> {
    let mut told = 0;
    let rotated = rotate_keys(&accounts.config(env)?, |so_far| {
        if output == Output::Text && so_far.rows >= told + 10_000 {
            told = so_far.rows;
            println!("{told} rows so far");
        }
    })
    .await?;
    let told = output.json(&json!({
        "rows": rotated.rows,
        "changedMeanwhile": rotated.changed_meanwhile,
        "unreadable": rotated.unreadable,
        "left": rotated.left,
    }))?;
    if !told {
        println!(
            "{} rows written anew, {} changed by others meanwhile",
            rotated.rows, rotated.changed_meanwhile
        );
    }
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
