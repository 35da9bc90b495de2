//! Accounts by the ten thousand, for load tests: registration takes a quarter of a second of bcrypt each, on purpose.
//!
//! They are what registration would have made, encrypted and indexed with the same keys, except that all share one hash of
//! one password and that nobody's identity was verified. So this is refused in production.

use crate::{
    config::Config,
    db,
    domain::{Email, Password, PersonName, Phone},
    passwords::Passwords,
    personal_data::Column,
};
use anyhow::ensure;
use common::config::{Env, Profile};
use std::collections::HashMap;
use uuid::Uuid;

/// Rows of one statement.
const BATCH: usize = 2000;

/// Somebody to be.
pub struct SeedAccount {
    /// Signs in with this.
    pub email: String,
    /// A name.
    pub name: String,
    /// A mobile number; nothing makes it unique.
    pub phone: String,
}

/// Sees that there is an account for each of these emails, and tells their ids in the same order. Accounts that are there
/// already are left as they are, with their password too, so the same call may be repeated.
///
/// # Errors
/// In production; when an email, name, phone or the password breaks its rule, or the database cannot be reached.
pub async fn seed_accounts(env: &Env, password: String, accounts: &[SeedAccount]) -> anyhow::Result<Vec<Uuid>> {
    ensure!(
        env.profile() == Profile::Local,
        "accounts are never seeded in production"
    );
    let config = Config::from_env(env)?;
    let password = Password::parse(password)?;
    let pool = common::db::connect(&config.db)?;
    let mut connection = pool.acquire().await?;
    let mut password_hash = None;
    let mut ids = Vec::with_capacity(accounts.len());
    for batch in accounts.chunks(BATCH) {
        let mut hashes = Vec::with_capacity(batch.len());
        for account in batch {
            let email = Email::parse(&account.email)?;
            hashes.push(config.keyring.blind_index(Column::Email, email.as_str()).to_vec());
        }
        let mut known: HashMap<Vec<u8>, Uuid> = db::seeding::ids(&mut connection, &hashes).await?.into_iter().collect();
        let missing = batch.iter().zip(&hashes).filter(|(_, hash)| !known.contains_key(*hash));
        let missing: Vec<_> = missing.collect();
        if !missing.is_empty() {
            let password_hash = match &password_hash {
                Some(hash) => hash,
                None => password_hash.insert(
                    Passwords::new(config.bcrypt_cost, 1)
                        .await?
                        .hash(password.clone())
                        .await?,
                ),
            };
            let rows = missing.into_iter().map(|(account, hash)| row(&config, account, hash));
            db::seeding::insert(&mut connection, rows.collect::<anyhow::Result<_>>()?, password_hash).await?;
            // Read again, because another process may have been quicker with some of them.
            known = db::seeding::ids(&mut connection, &hashes).await?.into_iter().collect();
        }
        ids.extend(hashes.iter().filter_map(|hash| known.get(hash)));
    }
    ensure!(ids.len() == accounts.len(), "an account was deleted meanwhile");
    Ok(ids)
}

fn row(config: &Config, account: &SeedAccount, email_hash: &[u8]) -> anyhow::Result<db::seeding::SeedRow> {
    let (keyring, id) = (&config.keyring, Uuid::now_v7());
    let (email, name) = (Email::parse(&account.email)?, PersonName::parse(&account.name)?);
    let phone = Phone::parse(&account.phone)?;
    Ok(db::seeding::SeedRow {
        id,
        email_hash: email_hash.to_vec(),
        email_encrypted: keyring.encrypt(Column::Email, id, email.as_str())?,
        name_encrypted: keyring.encrypt(Column::Name, id, name.as_str())?,
        phone_encrypted: keyring.encrypt(Column::Phone, id, phone.as_str())?,
    })
}
