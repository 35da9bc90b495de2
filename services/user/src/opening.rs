//! What every way to a new account ends with: the account of a verified person, and what the person agreed to.

use crate::{
    db::{self, accounts::NewAccount},
    domain::{Agreement, Email, PersonName, Phone},
    personal_data::Column,
    providers::identity::VerifiedPerson,
    state::App,
};
use chrono::{DateTime, Utc};
use common::{
    db::constraint,
    identity::Role,
    problem::{Code, Problem},
};
use sqlx::PgConnection;
use uuid::Uuid;

/// Somebody who is about to have an account.
pub(crate) struct NewPerson<'a> {
    /// None if a social profile has none.
    pub(crate) email: Option<&'a Email>,
    /// None for who signs in at a provider.
    pub(crate) password_hash: Option<String>,
    pub(crate) name: &'a PersonName,
    pub(crate) phone: &'a Phone,
    pub(crate) person: &'a VerifiedPerson,
    pub(crate) agreements: &'a [Agreement],
}

/// An account that was just opened.
pub(crate) struct Opened {
    pub(crate) id: Uuid,
    pub(crate) created_at: DateTime<Utc>,
}

/// Opens an account in the caller's transaction and uses the identity verification up.
pub(crate) async fn open_account(
    app: &App,
    connection: &mut PgConnection,
    new: NewPerson<'_>,
) -> Result<Opened, Problem> {
    let (person, agreements) = (new.person, new.agreements);
    let account = seal(app, new)?;
    if let Some(ci_hash) = &account.ci_hash {
        db::withdrawn::release(&mut *connection, ci_hash, app.rejoin_after).await?;
        // Before anything is said of the email: a refusal does not use the verification up, so whoever has an account could
        // ask with one about any number of emails. Of two at once the unique keys decide.
        if db::accounts::has_account(&mut *connection, ci_hash).await? {
            return Err(Problem::new(Code::IdentityTaken));
        }
    }
    let created_at = db::accounts::insert(&mut *connection, &account)
        .await
        .map_err(refusal)?;
    person.use_up(&mut *connection, &app.keyring).await?;
    for agreement in agreements {
        let terms_type = agreement.terms_type.as_str();
        let (version, agreed) = (&agreement.version, agreement.agreed);
        db::accounts::insert_agreement(&mut *connection, account.id, terms_type, version, agreed).await?;
    }
    Ok(Opened {
        id: account.id,
        created_at,
    })
}

fn seal(app: &App, new: NewPerson<'_>) -> anyhow::Result<NewAccount> {
    let (keyring, id) = (&app.keyring, Uuid::now_v7());
    let seal = |column, plain: &str| keyring.encrypt(column, id, plain);
    Ok(NewAccount {
        id,
        email_encrypted: new.email.map(|email| seal(Column::Email, email.as_str())).transpose()?,
        email_hash: new
            .email
            .map(|email| keyring.blind_index(Column::Email, email.as_str())),
        password_hash: new.password_hash,
        name_encrypted: seal(Column::Name, new.name.as_str())?,
        phone_encrypted: Some(seal(Column::Phone, new.phone.as_str())?),
        ci_encrypted: Some(seal(Column::Ci, &new.person.ci)?),
        di_encrypted: new.person.di.as_ref().map(|di| seal(Column::Di, di)).transpose()?,
        ci_hash: Some(keyring.blind_index(Column::Ci, &new.person.ci)),
        role: Role::User,
    })
}

/// Uniqueness is the database's: the constraint that broke says what is taken.
fn refusal(error: sqlx::Error) -> Problem {
    match constraint(&error) {
        Some("users_email_hash_key") => Problem::new(Code::EmailTaken),
        Some("users_ci_hash_key") => Problem::new(Code::IdentityTaken),
        _ => error.into(),
    }
}
