//! What an operator does to administrators from the command line: whoever lost a token or a colleague is helped without an
//! administrator, and when all of them are locked out there is a way back in.

use crate::{
    blacklist::Ended,
    config::Config,
    db::{self, audit::Action},
    domain::Email,
    personal_data::Column,
    state::App,
};
use chrono::{DateTime, Utc};
use common::Clock;
use serde_json::json;
use uuid::Uuid;

/// An administrator's account.
#[derive(Clone, Debug)]
pub struct Administrator {
    /// The account.
    pub id: Uuid,
    /// Signs in with this.
    pub email: String,
    /// ACTIVE or LOCKED.
    pub status: String,
    /// None if never.
    pub last_login_at: Option<DateTime<Utc>>,
}

/// What to do to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminLock {
    /// Nobody signs in to it, and its sessions end.
    Lock,
    /// It may be signed in to again.
    Unlock,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminLockOutcome {
    /// It was done.
    Done,
    /// It was so before.
    Already,
    /// No administrator has this email.
    Unknown,
}

/// All administrators, the oldest account first.
///
/// # Errors
/// When the database cannot be read or an email cannot be decrypted.
pub async fn list_admins(config: &Config) -> anyhow::Result<Vec<Administrator>> {
    let pool = common::db::connect(&config.db)?;
    let profiles = db::profiles::administrators(&mut *pool.acquire().await?).await?;
    let opened = profiles.into_iter().map(|profile| {
        let sealed = profile.email_encrypted.unwrap_or_default();
        Ok(Administrator {
            id: profile.id,
            email: config.keyring.decrypt(Column::Email, profile.id, &sealed)?,
            status: profile.status,
            last_login_at: profile.last_login_at,
        })
    });
    opened.collect()
}

/// Locks or unlocks an administrator's account, as an administrator would another one's. Sessions that end are told to the
/// gateway at once, or by the user service's worker if Redis cannot be reached from here.
///
/// # Errors
/// When the email is none, or the database cannot be reached.
pub async fn lock_admin(config: &Config, email: &str, what: AdminLock) -> anyhow::Result<AdminLockOutcome> {
    let email_hash = config.keyring.blind_index(Column::Email, Email::parse(email)?.as_str());
    let app = App::new(config.clone(), Clock::system()).await?;
    let mut transaction = app.db.begin().await?;
    let admin = db::profiles::by_email(&mut transaction, &email_hash).await?;
    let Some(admin) = admin.filter(|profile| profile.role == "ADMIN") else {
        return Ok(AdminLockOutcome::Unknown);
    };
    let mut ended = Ended::default();
    let (done, action) = match what {
        AdminLock::Lock => {
            let done = db::locks::lock(&mut transaction, admin.id).await?;
            ended = app.sessions.end_all(&mut transaction, admin.id, None).await?;
            (done, Action::UserLocked)
        }
        AdminLock::Unlock => {
            app.lock_out.forgive(&mut transaction, &email_hash, None).await?;
            (
                db::locks::unlock(&mut transaction, admin.id).await?,
                Action::UserUnlocked,
            )
        }
    };
    if done {
        db::audit::record(&mut transaction, None, action, &[admin.id], &json!({})).await?;
    }
    transaction.commit().await?;
    app.sessions.tell_or_leave(&ended).await;
    Ok(if done {
        AdminLockOutcome::Done
    } else {
        AdminLockOutcome::Already
    })
}
