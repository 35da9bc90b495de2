//! Every statement of this service. Functions take a connection, so that their caller decides what is one transaction.
//!
//! Lock order: saga, then payments by id, then refunds, then outbox.

pub(crate) mod checks;
pub(crate) mod confirms;
pub(crate) mod payments;
pub(crate) mod refunds;
pub(crate) mod sagas;
pub(crate) mod standing;
mod text;
pub(crate) mod unlocks;
pub(crate) mod views;
pub(crate) mod webhook_deliveries;

use std::time::Duration;

/// A length of time as `make_interval(secs => …)` takes it.
fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

/// A guarded statement must have changed exactly one row: the caller holds the row's lock and has looked at it.
fn expect_one(result: &sqlx::postgres::PgQueryResult) -> Result<(), sqlx::Error> {
    match result.rows_affected() {
        1 => Ok(()),
        rows => Err(sqlx::Error::Protocol(format!(
            "a guarded statement changed {rows} rows instead of one"
        ))),
    }
}
