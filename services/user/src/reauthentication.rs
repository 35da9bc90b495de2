//! The owner of a session shows the password again before something that a borrowed session must not do.

use crate::{
    db,
    lock_out::{Counted, Verdict, stopped},
    state::App,
    visitor::Visitor,
};
use common::problem::{Code, Problem};
use uuid::Uuid;

/// The owner has shown the password.
pub(crate) struct Shown {
    /// What it was compared with, for whoever replaces it: by then it may be another one.
    pub(crate) password_hash: String,
    /// To be taken back in the transaction that acts on it.
    pub(crate) counted: Counted,
}

/// Compares a password with the account's. A bad one counts as one of a login does, and is 401. `field` names the password
/// in the request.
pub(crate) async fn show_password(
    app: &App,
    user: Uuid,
    field: &str,
    password: String,
    visitor: Visitor<'_>,
) -> Result<Shown, Problem> {
    let mut connection = app.db.acquire().await?;
    let account = db::passwords::own_credentials(&mut connection, user)
        .await?
        .filter(|account| account.status == "ACTIVE")
        .ok_or_else(|| Problem::new(Code::Unauthenticated))?;
    let (Some(password_hash), Some(email_hash)) = (account.password_hash, account.email_hash) else {
        return Err(Problem::invalid(field, "this account has no password"));
    };
    let counted = match app
        .lock_out
        .count(&mut connection, &email_hash, visitor.address)
        .await?
    {
        Verdict::Judge(counted) => counted,
        Verdict::Stopped(remaining) => return Err(stopped(remaining)),
    };
    drop(connection);
    if !app.passwords.verify(password, Some(password_hash.clone())).await? {
        return Err(Problem::new(Code::InvalidCredentials));
    }
    Ok(Shown { password_hash, counted })
}
