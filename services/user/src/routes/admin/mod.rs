//! Accounts as administrators see them (`design.md` §3.1). Each look at somebody's personal data and each change is noted in
//! `admin_audit_log`, in the transaction that makes it.
//!
//! What a token says of its owner may be an hour old, so whether the caller is still an administrator is asked anew: of two
//! who lock each other at once, one remains.

pub(super) mod get_user;
pub(super) mod list_users;
pub(super) mod lock_user;
pub(super) mod stats;
pub(super) mod unlock_user;

use super::me::Opened;
use crate::{
    db::{self, locks::Standing, profiles::Profile},
    personal_data::Keyring,
};
use chrono::{DateTime, Utc};
use common::{
    identity::Admin,
    problem::{Code, Problem},
};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

/// An account as an administrator sees it. A deleted one has neither email nor name nor phone.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Account {
    id: Uuid,
    email: Option<String>,
    name: Option<String>,
    phone: Option<String>,
    role: String,
    status: String,
    created_at: DateTime<Utc>,
    last_login_at: Option<DateTime<Utc>>,
    deleted_at: Option<DateTime<Utc>>,
}

impl Account {
    fn of(keyring: &Keyring, profile: Profile) -> Result<Self, Problem> {
        let opened = Opened::of(keyring, &profile)?;
        Ok(Self {
            id: profile.id,
            email: opened.email,
            name: opened.name,
            phone: opened.phone,
            role: profile.role,
            status: profile.status,
            created_at: profile.created_at,
            last_login_at: profile.last_login_at,
            deleted_at: profile.deleted_at,
        })
    }
}

/// Locks both accounts and shows how the other one stands, which must not be deleted; the caller must be an administrator still.
async fn lock_standing(connection: &mut PgConnection, admin: Admin, id: Uuid) -> Result<Standing, Problem> {
    let mut standings = db::locks::standings(connection, &[admin.id, id]).await?;
    let caller = standings.iter().find(|standing| standing.id == admin.id);
    if !caller.is_some_and(Standing::is_active_admin) {
        return Err(Problem::new(Code::Forbidden));
    }
    standings.retain(|standing| standing.id == id && standing.status != "DELETED");
    standings.pop().ok_or_else(|| Problem::new(Code::NotFound))
}

/// The caller must be an administrator still.
async fn check(connection: &mut PgConnection, admin: Admin) -> Result<(), Problem> {
    if db::locks::is_active_admin(connection, admin.id).await? {
        Ok(())
    } else {
        Err(Problem::new(Code::Forbidden))
    }
}
