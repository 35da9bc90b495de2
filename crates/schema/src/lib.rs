//! The database as the services find it (design.md §5): roles, schemas, grants and the migrations of `migrations/`.
//!
//! - [`migrate`] brings a database up to date, making it when it is missing. It may be repeated and run by several at once.
//! - [`make_roles`] makes the roles alone, for a backup that is to be restored.
//! - [`template`] makes a migrated database once, from which tests copy their own with [`create_from_template`].
//!
//! The migrator role owns every object and nobody can log in as it; each service's [`Login`] may touch the rows of its own
//! schema and its own rows of the outbox. Roles belong to the whole cluster, so they are made under a lock that is taken in
//! one fixed database: advisory locks do not reach from one database to another.

mod login;
mod migrate;
mod template;

pub use login::{Login, Passwords};
pub use migrate::{Error, make_roles, migrate};
pub use template::{create_from_template, drop_database, template};

use sqlx::{ConnectOptions, postgres::PgConnectOptions};

/// The URL of another database of the same server, as the same user.
///
/// # Errors
///
/// When `url` is no PostgreSQL URL.
pub fn database_url(url: &str, database: &str) -> Result<String, Error> {
    let options: PgConnectOptions = url.parse().map_err(Error::Url)?;
    Ok(plain_url(&options.database(database)))
}

/// The URL of a service's login to `database` on the server of `url`.
///
/// # Errors
///
/// When `url` is no PostgreSQL URL.
pub fn login_url(url: &str, database: &str, login: Login, passwords: &Passwords) -> Result<String, Error> {
    let options: PgConnectOptions = url.parse().map_err(Error::Url)?;
    Ok(plain_url(
        &options
            .database(database)
            .username(login.role())
            .password(passwords.of(login)),
    ))
}

/// Without the parameters that only this driver understands, so that psql can use it too.
fn plain_url(options: &PgConnectOptions) -> String {
    let mut url = options.to_url_lossy();
    url.set_query(None);
    url.into()
}
