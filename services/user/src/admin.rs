//! The first administrator comes from the operator's command line, never from a public path (`design.md` §11).

use crate::{
    config::Config,
    db::{self, accounts::NewAccount, audit::Action},
    domain::{Email, Password, PersonName},
    passwords::Passwords,
    personal_data::Column,
};
use common::{db::constraint, identity::Role};
use serde_json::Value;
use uuid::Uuid;

/// An administrator to be.
pub struct AdminAccount {
    /// Signs in with this.
    pub email: String,
    /// Must meet the rules of every password.
    pub password: String,
    /// Shown in audits.
    pub name: String,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminOutcome {
    /// The account was made.
    Created(Uuid),
    /// There is an account with this email; it was left as it is.
    Exists,
}

/// Makes an administrator's account.
///
/// # Errors
/// When the email, password or name breaks its rule, or the database cannot be reached.
pub async fn create_admin(config: &Config, account: AdminAccount) -> anyhow::Result<AdminOutcome> {
    let email = Email::parse(&account.email)?;
    let password = Password::parse(account.password)?;
    let name = PersonName::parse(&account.name)?;
    let passwords = Passwords::new(config.bcrypt_cost, 1).await?;
    let (keyring, id) = (&config.keyring, Uuid::now_v7());
    let account = NewAccount {
        id,
        email_encrypted: Some(keyring.encrypt(Column::Email, id, email.as_str())?),
        email_hash: Some(keyring.blind_index(Column::Email, email.as_str())),
        password_hash: Some(passwords.hash(password).await?),
        name_encrypted: keyring.encrypt(Column::Name, id, name.as_str())?,
        phone_encrypted: None,
        ci_encrypted: None,
        di_encrypted: None,
        ci_hash: None,
        role: Role::Admin,
    };
    let pool = common::db::connect(&config.db)?;
    let mut transaction = pool.begin().await?;
    match db::accounts::insert(&mut transaction, &account).await {
        Ok(_) => {}
        Err(error) if constraint(&error) == Some("users_email_hash_key") => return Ok(AdminOutcome::Exists),
        Err(error) => return Err(error.into()),
    }
    db::audit::record(&mut transaction, None, Action::AdminCreated, &[id], &Value::Null).await?;
    transaction.commit().await?;
    Ok(AdminOutcome::Created(id))
}
