//! `ticketctl admin`

use crate::{accounts::Accounts, output::Output, text};
use anyhow::bail;
use clap::{Args, Subcommand};
use common::config::Env;
use serde_json::json;
use user_service::{AdminAccount, AdminLock, AdminLockOutcome, AdminOutcome, create_admin, list_admins, lock_admin};

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  ticketctl admin create --email kim@example.com --password correct-horse-1 --name Kim
  ticketctl admin list
  ticketctl admin lock --email kim@example.com
  ticketctl admin unlock --email kim@example.com

TICKETCTL_ADMIN_PASSWORD keeps the password out of the list of processes and the shell's history.")]
pub(crate) enum Admin {
    /// Create an administrator's account, unless one with this email exists.
    Create(Create),
    /// All administrators, and when they signed in last.
    List(Accounts),
    /// Lock an administrator's account; its sessions end at once.
    Lock(Named),
    /// Unlock an administrator's account.
    Unlock(Named),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    #[command(flatten)]
    accounts: Accounts,
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

#[derive(Debug, Args)]
pub(crate) struct Named {
    #[command(flatten)]
    accounts: Accounts,
    /// Whose account.
    #[arg(long)]
    email: String,
}

impl Admin {
    pub(crate) async fn run(self, env: &Env, output: Output) -> anyhow::Result<()> {
        match self {
            Self::Create(create) => create.run(env, output).await,
            Self::List(accounts) => list(accounts, env, output).await,
            Self::Lock(named) => named.run(env, AdminLock::Lock, output).await,
            Self::Unlock(named) => named.run(env, AdminLock::Unlock, output).await,
        }
    }
}

impl Create {
    async fn run(self, env: &Env, output: Output) -> anyhow::Result<()> {
        let config = self.accounts.config(env)?;
        let account = AdminAccount {
            email: self.email,
            password: self.password,
            name: self.name,
        };
        let created = match create_admin(&config, account).await? {
            AdminOutcome::Created(id) => Some(id),
            AdminOutcome::Exists => None,
        };
        if !output.json(&json!({ "created": created }))? {
            match created {
                Some(id) => println!("created {id}"),
                None => println!("There is an account with this email; it was left as it is."),
            }
        }
        Ok(())
    }
}

async fn list(accounts: Accounts, env: &Env, output: Output) -> anyhow::Result<()> {
    let admins = list_admins(&accounts.config(env)?).await?;
    let shown: Vec<_> = admins
        .iter()
        .map(|admin| {
            json!({ "id": admin.id, "email": admin.email, "status": admin.status, "lastLoginAt": admin.last_login_at })
        })
        .collect();
    if output.json(&shown)? {
        return Ok(());
    }
    for admin in admins {
        let last_login = text::time(admin.last_login_at);
        println!("{} {:8} {last_login:24} {}", admin.id, admin.status, admin.email);
    }
    Ok(())
}

impl Named {
    async fn run(self, env: &Env, what: AdminLock, output: Output) -> anyhow::Result<()> {
        let done = match what {
            AdminLock::Lock => "locked",
            AdminLock::Unlock => "unlocked",
        };
        match lock_admin(&self.accounts.config(env)?, &self.email, what).await? {
            AdminLockOutcome::Unknown => bail!("no administrator has this email"),
            outcome => {
                let changed = outcome == AdminLockOutcome::Done;
                if !output.json(&json!({ "is": done, "changed": changed }))? {
                    println!("{}", if changed { done } else { "It was so before." });
                }
            }
        }
        Ok(())
    }
}
