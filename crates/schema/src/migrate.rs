//! Bringing a database up to date.

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection,
    migrate::{MigrateError, Migrator},
    postgres::PgConnectOptions,
};
use tracing::info;

use crate::{Login, Passwords};

/// Any number will do, as long as every release uses the same one.
pub(crate) const LOCK: i64 = 0x7469_636b_6574;

/// A statement that waits for a table's lock has everyone after it wait too. So a migration under load gives up, and is run again.
const LOCK_TIMEOUT: &str = "set lock_timeout = '5s'";

const ROLES: &str = include_str!("../sql/roles.sql");
pub(crate) const ACCESS: &str = include_str!("../sql/access.sql");
const SCHEMAS: &str = include_str!("../sql/schemas.sql");

/// The migrations of each schema, in the order in which they are applied.
pub(crate) static MIGRATIONS: [(&str, Migrator); 6] = [
    ("common", sqlx::migrate!("../../migrations/common")),
    ("user_service", sqlx::migrate!("../../migrations/user")),
    ("event_service", sqlx::migrate!("../../migrations/event")),
    ("queue_service", sqlx::migrate!("../../migrations/queue")),
    ("reservation_service", sqlx::migrate!("../../migrations/reservation")),
    ("payment_service", sqlx::migrate!("../../migrations/payment")),
];

/// The statements that make the schema besides the migrations; part of a template's name.
pub(crate) const SETUP: [&str; 3] = [ROLES, ACCESS, SCHEMAS];

/// Why a database could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not one.
    #[error("the database URL is malformed: {0}")]
    Url(#[source] sqlx::Error),
    /// The address names no database.
    #[error("the database URL names no database")]
    NoDatabase,
    /// A connection failed.
    #[error("cannot connect to the database {database}: {source}")]
    Connect {
        /// The database.
        database: String,
        /// What happened.
        source: sqlx::Error,
    },
    /// A statement failed.
    #[error("cannot {step}: {source}")]
    Statement {
        /// What was being done.
        step: &'static str,
        /// What happened.
        source: sqlx::Error,
    },
    /// A migration failed, or one that was applied has changed since.
    #[error("cannot migrate the schema {schema}: {source}")]
    Migration {
        /// The schema.
        schema: &'static str,
        /// What happened.
        source: Box<MigrateError>,
    },
}

pub(crate) trait During<T> {
    /// Says what was being done when a statement failed.
    fn during(self, step: &'static str) -> Result<T, Error>;
}

impl<T> During<T> for Result<T, sqlx::Error> {
    fn during(self, step: &'static str) -> Result<T, Error> {
        self.map_err(|source| Error::Statement { step, source })
    }
}

/// Brings the database that `admin_url` names up to date: makes it, its roles and its schemas when they are missing and
/// applies the migrations that it lacks. Sets the logins' passwords.
///
/// `admin_url` logs in as a role that may create databases and roles. Several may run it at once; they take turns.
///
/// # Errors
///
/// See [`Error`]. What was applied before stays applied, and the next run goes on from there.
pub async fn migrate(admin_url: &str, passwords: &Passwords) -> Result<(), Error> {
    let options: PgConnectOptions = admin_url.parse().map_err(Error::Url)?;
    let database = options.get_database().ok_or(Error::NoDatabase)?.to_owned();

    let mut cluster = lock_cluster(&options).await?;
    create_roles(&mut cluster, passwords).await?;
    if !database_exists(&mut cluster, &database).await? {
        create_database(&mut cluster, &database, "").await?;
    }
    migrate_schemas(&options).await?;
    cluster.close().await.during("release the migration lock")
}

/// Makes the roles that are missing on the server that `admin_url` names and sets the logins' passwords, and touches no database:
/// what a server needs before a backup is restored into it.
///
/// # Errors
///
/// See [`Error`].
pub async fn make_roles(admin_url: &str, passwords: &Passwords) -> Result<(), Error> {
    let options: PgConnectOptions = admin_url.parse().map_err(Error::Url)?;
    let mut cluster = lock_cluster(&options).await?;
    create_roles(&mut cluster, passwords).await?;
    cluster.close().await.during("release the migration lock")
}

/// Connects to the database that every PostgreSQL cluster has and takes the lock there; it ends with the connection.
pub(crate) async fn lock_cluster(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    let mut cluster = connect(&options.clone().database("postgres")).await?;
    sqlx::query("select pg_advisory_lock($1)")
        .bind(LOCK)
        .execute(&mut cluster)
        .await
        .during("take the migration lock")?;
    Ok(cluster)
}

pub(crate) async fn create_roles(cluster: &mut PgConnection, passwords: &Passwords) -> Result<(), Error> {
    const STEP: &str = "create the roles";
    cluster.execute(ROLES).await.during(STEP)?;
    for login in Login::ALL {
        let statement: String = sqlx::query_scalar("select format('alter role %I password %L', $1::text, $2::text)")
            .bind(login.role())
            .bind(passwords.of(login))
            .fetch_one(&mut *cluster)
            .await
            .during(STEP)?;
        // Quoted by the server in the line above.
        cluster.execute(AssertSqlSafe(statement)).await.during(STEP)?;
    }
    Ok(())
}

pub(crate) async fn database_exists(cluster: &mut PgConnection, database: &str) -> Result<bool, Error> {
    sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(database)
        .fetch_one(cluster)
        .await
        .during("look for the database")
}

/// `clause` is appended as it is: a constant of this crate, or an identifier that [`quote`] made.
pub(crate) async fn create_database(cluster: &mut PgConnection, database: &str, clause: &str) -> Result<(), Error> {
    let statement = format!("create database {} {clause}", quote(database));
    cluster
        .execute(AssertSqlSafe(statement))
        .await
        .during("create the database")?;
    Ok(())
}

pub(crate) fn quote(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// Everything inside one database. The caller holds the cluster's lock.
pub(crate) async fn migrate_schemas(options: &PgConnectOptions) -> Result<(), Error> {
    let mut connection = connect(options).await?;
    connection
        .execute(LOCK_TIMEOUT)
        .await
        .during("limit the wait for locks")?;
    connection.execute(ACCESS).await.during("set who may connect")?;
    connection.execute(SCHEMAS).await.during("create the schemas")?;
    for (schema, migrator) in &MIGRATIONS {
        apply(&mut connection, schema, migrator).await?;
    }
    connection.close().await.during("close the connection")
}

async fn apply(connection: &mut PgConnection, schema: &'static str, migrator: &Migrator) -> Result<(), Error> {
    const STEP: &str = "act as the migrator";
    // As the migrator, so that it owns what is made; in the schema, so that the migrations' own table lands there too.
    let enter = format!("set role ticketing_migrator; set search_path = {schema}");
    connection.execute(AssertSqlSafe(enter)).await.during(STEP)?;

    let mut migrator = Migrator::with_migrations(migrator.iter().cloned().collect());
    migrator.set_locking(false);
    migrator
        .run_direct(None, connection, false)
        .await
        .map_err(|source| Error::Migration {
            schema,
            source: Box::new(source),
        })?;
    if let Some(login) = Login::ALL.into_iter().find(|login| login.schema() == schema) {
        // The schema's default privileges covered this table as well.
        let keep = format!("revoke all on {schema}._sqlx_migrations from {}", login.role());
        connection
            .execute(AssertSqlSafe(keep))
            .await
            .during("protect the list of migrations")?;
    }
    connection.execute("reset role; reset search_path").await.during(STEP)?;
    info!(schema, migrations = migrator.iter().count(), "schema is up to date");
    Ok(())
}

pub(crate) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    options
        .clone()
        .application_name("schema")
        // Passwords are among the statements.
        .disable_statement_logging()
        .connect()
        .await
        .map_err(|source| Error::Connect {
            database: options.get_database().unwrap_or_default().to_owned(),
            source,
        })
}
