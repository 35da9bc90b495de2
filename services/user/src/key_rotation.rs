//! Exchanging the key of personal data while the service runs (`ticketctl keys`).
//!
//! Every value says which key it was encrypted with, so both keys are in use at once and in any order of rows:
//!
//! 1. The new key is added behind the old one in `PERSONAL_DATA_KEYS` (or its file) of every replica: all of them can read it.
//! 2. It is put in front, or named by `PERSONAL_DATA_KEY_ID`: from now on everything is written with it.
//! 3. [`rotate_keys`] writes the rest anew, a few rows at a time.
//! 4. Once [`key_use`] knows no row of the old key, it is taken away.
//!
//! A row is replaced only if it still holds what was read; a profile that is changed or an account that is deleted meanwhile is
//! left alone and looked at again in the next round. Nothing is remembered between rounds, because the rows themselves tell what
//! is left: whoever dies half way begins again and passes over what is done. Two at once do no harm.

use crate::{
    config::Config,
    db::reencryption::{self, COLUMNS, Row},
    personal_data::Keyring,
};
use sqlx::{Acquire, PgConnection};
use uuid::Uuid;

/// So many rows are locked together, for some milliseconds; always in the order of their ids.
const BATCH: i64 = 50;
/// After so many rounds somebody else still writes with another key.
const ROUNDS: usize = 20;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStanding {
    /// Everything is written with it.
    Encrypts,
    /// It still reads what was written with it.
    Decrypts,
    /// It is not configured: its rows cannot be read.
    Missing,
}

/// One key and its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The key's id.
    pub key_id: String,
    /// What it is for.
    pub standing: KeyStanding,
    /// How many rows have something encrypted with it.
    pub rows: i64,
}

/// What was done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotated {
    /// Rows written anew.
    pub rows: u64,
    /// How often a row was changed by somebody else in between.
    pub changed_meanwhile: u64,
    /// Rows that none of the keys opens, in the last round.
    pub unreadable: u64,
    /// Rows that are left with another key: somebody still writes with it.
    pub left: u64,
}

/// Which key has how many rows, those that are configured and those that are not.
///
/// # Errors
/// When the database cannot be read.
pub async fn key_use(config: &Config) -> anyhow::Result<Vec<KeyUse>> {
    let pool = common::db::connect(&config.db)?;
    let mut connection = patient(pool.acquire().await?.detach()).await?;
    let mut uses = reencryption::uses(&mut connection).await?;
    let mut all = Vec::new();
    for (number, key_id) in config.keyring.key_ids().into_iter().enumerate() {
        let found = uses.iter().position(|found| found.key_id == key_id);
        all.push(KeyUse {
            key_id,
            standing: if number == 0 {
                KeyStanding::Encrypts
            } else {
                KeyStanding::Decrypts
            },
            rows: found.map_or(0, |index| uses.remove(index).rows),
        });
    }
    all.extend(uses.into_iter().map(|found| KeyUse {
        key_id: found.key_id,
        standing: KeyStanding::Missing,
        rows: found.rows,
    }));
    Ok(all)
}

/// Writes everything anew that was not encrypted with the key that encrypts now; `progress` hears of each batch.
///
/// # Errors
/// When the database cannot be read or written; what was done stays done.
pub async fn rotate_keys(config: &Config, mut progress: impl FnMut(&Rotated)) -> anyhow::Result<Rotated> {
    let pool = common::db::connect(&config.db)?;
    let mut connection = patient(pool.acquire().await?.detach()).await?;
    let mut rotated = Rotated::default();
    for _ in 0..ROUNDS {
        rotated.unreadable = 0;
        let found = round(&mut connection, &config.keyring, &mut rotated, &mut progress).await?;
        rotated.left = found - rotated.unreadable;
        if rotated.left == 0 {
            break;
        }
    }
    Ok(rotated)
}

/// Goes through all rows once and tells how many had another key.
async fn round(
    connection: &mut PgConnection,
    keyring: &Keyring,
    rotated: &mut Rotated,
    progress: &mut impl FnMut(&Rotated),
) -> anyhow::Result<u64> {
    let (prefix, mut after, mut found) = (keyring.current_prefix(), Uuid::nil(), 0);
    loop {
        let rows = reencryption::without_prefix(connection, &prefix, after, BATCH).await?;
        let Some(last) = rows.last() else { return Ok(found) };
        after = last.id;
        found += u64::try_from(rows.len())?;
        let mut transaction = connection.begin().await?;
        for row in &rows {
            match seal_anew(keyring, row)? {
                None => rotated.unreadable += 1,
                Some(sealed) if reencryption::replace(&mut transaction, row, &sealed).await? => rotated.rows += 1,
                Some(_) => rotated.changed_meanwhile += 1,
            }
        }
        transaction.commit().await?;
        progress(rotated);
    }
}

/// The row's values under the key that encrypts now; None if one of them cannot be opened.
fn seal_anew(keyring: &Keyring, row: &Row) -> anyhow::Result<Option<Vec<Option<Vec<u8>>>>> {
    let mut anew = Vec::with_capacity(COLUMNS.len());
    for (column, sealed) in COLUMNS.into_iter().zip(&row.sealed) {
        let Some(sealed) = sealed else {
            anew.push(None);
            continue;
        };
        match keyring.decrypt(column, row.id, sealed) {
            Ok(plain) => anew.push(Some(keyring.encrypt(column, row.id, &plain)?)),
            Err(error) => {
                tracing::error!(user.id = %row.id, error.message = %error, "a row cannot be written anew");
                return Ok(None);
            }
        }
    }
    Ok(Some(anew))
}

/// Looking through every row takes longer than a request may.
async fn patient(mut connection: PgConnection) -> sqlx::Result<PgConnection> {
    sqlx::query!("SELECT set_config('statement_timeout', '0', FALSE)")
        .fetch_one(&mut connection)
        .await?;
    Ok(connection)
}
