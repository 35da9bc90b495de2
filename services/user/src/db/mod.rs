//! The only place with SQL.

pub(crate) mod accounts;
pub(crate) mod audit;
pub(crate) mod dormancy;
pub(crate) mod ended_sessions;
pub(crate) mod history;
pub(crate) mod locks;
pub(crate) mod login_failures;
pub(crate) mod passwords;
pub(crate) mod profiles;
pub(crate) mod purge;
pub(crate) mod reencryption;
pub(crate) mod seeding;
pub(crate) mod social;
pub(crate) mod tokens;
pub(crate) mod withdrawn;

use sqlx::PgConnection;

/// The transaction's commit does not wait for the disk: a crash of PostgreSQL may lose it. For what is remembered of failed
/// attempts, where the wait would tell by time whether there was something to remember.
pub(crate) async fn set_lazy_commit(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SET LOCAL synchronous_commit = off")
        .execute(connection)
        .await?;
    Ok(())
}
