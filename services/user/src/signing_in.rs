//! What every way to sign in ends with: the account is looked at, the attempt remembered, a session begun.

use crate::{
    db::{
        self,
        history::{Attempt, Method},
    },
    sessions::TokenPair,
    state::App,
    visitor::Visitor,
};
use common::{
    identity::Role,
    problem::{Code, Problem},
};
use sqlx::PgConnection;
use uuid::Uuid;

/// Somebody who has just proven to be the owner of an account.
pub(crate) struct Owner<'a> {
    pub(crate) id: Uuid,
    pub(crate) role: Role,
    /// The account's status when it was read.
    pub(crate) status: &'a str,
    pub(crate) method: Method,
    /// What the password was compared with, if it was a password: by now it may be another one.
    pub(crate) password_hash: Option<&'a str>,
}

/// Begins the owner's session, unless the account sleeps, is locked or gone; remembers the attempt either way. The caller
/// commits either way, and tells the code: only to who has proven to be the owner.
pub(crate) async fn sign_in(
    app: &App,
    connection: &mut PgConnection,
    owner: &Owner<'_>,
    visitor: Visitor<'_>,
) -> Result<Result<TokenPair, Code>, Problem> {
    let admitted = match owner.status {
        "ACTIVE" if db::accounts::touch_login(&mut *connection, owner.id, owner.password_hash).await? => Ok(()),
        "DORMANT" => Err(Code::AccountDormant),
        "LOCKED" => Err(Code::AccountLocked),
        _ => Err(Code::InvalidCredentials),
    };
    let attempt = Attempt {
        user: Some(owner.id),
        method: owner.method,
        visitor,
        failure: admitted.err(),
    };
    db::history::record(&mut *connection, &attempt).await?;
    match admitted {
        Ok(()) => app.sessions.begin(connection, owner.id, owner.role).await.map(Ok),
        Err(code) => Ok(Err(code)),
    }
}
