//! PostgreSQL: the pool, and what its errors mean.

use crate::{
    gauges,
    lifecycle::{Shutdown, Workers},
    problem::Problem,
};
use sqlx::{
    Connection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions, PgQueryResult},
};
use std::{str::FromStr, time::Duration};

/// How long a request waits for a free connection before it is told to come again.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// The pool asks each connection that comes back whether it lives. Who takes it within this time does not ask again: under load
/// that is everybody, and it spares each transaction a round trip. One that dies in between fails as one that dies in use.
const TRUSTED_FOR: Duration = Duration::from_millis(250);
/// How often the pools' gauges are set: it costs a few loads.
const MEASURE_POOLS: Duration = Duration::from_secs(1);
/// No statement of a request may hold its locks for longer.
const STATEMENT_TIMEOUT: &str = "15s";

/// Settings of a service's pool.
#[derive(Clone, Debug)]
pub struct DbConfig {
    /// `DATABASE_URL`, with the service's own login.
    pub url: String,
    /// `DB_POOL_MAX`, default 10. Times the number of replicas it must fit `max_connections`.
    pub pool_max: u32,
}

impl DbConfig {
    /// Reads the settings; `service` is the login's prefix, as in `user` for `user_svc_user`.
    ///
    /// # Errors
    /// When a value is missing in production or does not parse.
    pub fn from_env(env: &crate::config::Env, service: &str) -> Result<Self, crate::config::ConfigError> {
        let default = format!("postgres://{service}_svc_user:local-only-{service}@127.0.0.1:15432/ticketing");
        Ok(Self {
            url: env.address("DATABASE_URL", &default)?,
            pool_max: env.parse_or("DB_POOL_MAX", 10)?,
        })
    }
}

/// A pool that connects when first used, so that a service starts while its database is still down and says so in
/// `/health/ready`.
///
/// # Errors
/// When the address cannot be read.
pub fn connect(config: &DbConfig) -> Result<PgPool, sqlx::Error> {
    let options = PgConnectOptions::from_str(&config.url)?.options([
        ("statement_timeout", STATEMENT_TIMEOUT),
        ("idle_in_transaction_session_timeout", STATEMENT_TIMEOUT),
    ]);
    Ok(PgPoolOptions::new()
        .max_connections(config.pool_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // In place of the pool's own test, which asks every time.
        .test_before_acquire(false)
        .before_acquire(|connection, since| {
            Box::pin(async move {
                if since.idle_for >= TRUSTED_FOR {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options))
}

/// Starts a worker that shows how many connections each pool has, as `db_pool_connections`. `requests` and `workers` are the
/// names of a service's two pools.
pub fn measure(workers: &mut Workers, pools: &[(&'static str, &PgPool)]) {
    let pools: Vec<_> = pools.iter().map(|(name, pool)| (*name, PgPool::clone(pool))).collect();
    workers.spawn("database-pools", |shutdown| show_pools(pools, shutdown));
}

async fn show_pools(pools: Vec<(&'static str, PgPool)>, shutdown: Shutdown) {
    while !shutdown.is_cancelled() {
        for (name, pool) in &pools {
            let (open, idle) = (u64::from(pool.size()), pool.num_idle() as u64);
            let used = open.saturating_sub(idle);
            gauges::set_count("db_pool_connections", &[("pool", name), ("state", "idle")], idle);
            gauges::set_count("db_pool_connections", &[("pool", name), ("state", "used")], used);
            let max = u64::from(pool.options().get_max_connections());
            gauges::set_count("db_pool_connections_max", &[("pool", name)], max);
        }
        shutdown.sleep(MEASURE_POOLS).await;
    }
}

/// Whether the error means that the database cannot do this right now, so that the same call may succeed later.
///
/// A statement that was cancelled is among these: nobody here cancels one, so it is `statement_timeout`, which no statement
/// of ours comes near unless the database stalls or locks are held too long, or an operator who had a reason.
#[must_use]
pub fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| is_of_the_moment(&code)),
        _ => false,
    }
}

fn is_of_the_moment(code: &str) -> bool {
    // Class 08 connection exceptions, 53 insufficient resources, 57P shutdown and start-up of the server, 58 errors of the
    // system below it such as a disk's.
    let classes = ["08", "53", "57P", "58"];
    // A statement beyond its time, and a server that only reads, as the former primary does after a fail-over.
    classes.iter().any(|class| code.starts_with(class)) || matches!(code, "57014" | "25006")
}

/// Whether the transaction lost against another one and may be tried again as it is (deadlock, serialization).
#[must_use]
pub fn is_conflict(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if matches!(error.code().as_deref(), Some("40001" | "40P01")))
}

/// The named constraint that the statement broke, if that is why it failed.
#[must_use]
pub fn constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error()?.constraint()
}

/// A guarded statement must have changed the number of rows it was meant to.
///
/// # Errors
/// A 500 when it changed another number: the caller's picture of the row was wrong.
pub fn ensure_rows(result: &PgQueryResult, expected: u64) -> Result<(), Problem> {
    match result.rows_affected() {
        rows if rows == expected => Ok(()),
        rows => Err(Problem::internal(&format!(
            "a statement changed {rows} rows instead of {expected}"
        ))),
    }
}

/// A guarded statement must have changed exactly one row.
///
/// # Errors
/// As [`ensure_rows`].
pub fn ensure_one(result: &PgQueryResult) -> Result<(), Problem> {
    ensure_rows(result, 1)
}
