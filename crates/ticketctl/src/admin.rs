//! `ticketctl admin`

use crate::{accounts::Accounts, text};
use anyhow::bail;
use clap::{Args, Subcommand};
use common::config::Env;
use user_service::{AdminAccount, AdminLock, AdminLockOutcome, AdminOutcome, create_admin, list_admins, lock_admin};

#[derive(Debug, Subcommand)]
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
    pub(crate) async fn run(self, env: &Env) -> anyhow::Result<()> {
        match self {
            Self::Create(create) => create.run(env).await,
            Self::List(accounts) => list(accounts, env).await,
            Self::Lock(named) => named.run(env, AdminLock::Lock).await,
            Self::Unlock(named) => named.run(env, AdminLock::Unlock).await,
        }
    }
}

impl Create {
    async fn run(self, env: &Env) -> anyhow::Result<()> {
        let config = self.accounts.config(env)?;
        let account = AdminAccount {
            email: self.email,
            password: self.password,
            name: self.name,
        };
        match create_admin(&config, account).await? {
            AdminOutcome::Created(id) => println!("created {id}"),
            AdminOutcome::Exists => println!("There is an account with this email; it was left as it is."),
        }
        Ok(())
    }
}

async fn list(accounts: Accounts, env: &Env) -> anyhow::Result<()> {
    for admin in list_admins(&accounts.config(env)?).await? {
        let last_login = text::time(admin.last_login_at);
        println!("{} {:8} {last_login:24} {}", admin.id, admin.status, admin.email);
    }
    Ok(())
}

impl Named {
    async fn run(self, env: &Env, what: AdminLock) -> anyhow::Result<()> {
        let done = match what {
            AdminLock::Lock => "locked",
            AdminLock::Unlock => "unlocked",
        };
        match lock_admin(&self.accounts.config(env)?, &self.email, what).await? {
            AdminLockOutcome::Done => println!("{done}"),
            AdminLockOutcome::Already => println!("It was so before."),
            AdminLockOutcome::Unknown => bail!("no administrator has this email"),
        }
        Ok(())
    }
}
