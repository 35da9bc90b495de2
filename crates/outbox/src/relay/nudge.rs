//! A word between the relays of one service.
//!
//! A commit wakes the relay of its own process, but the row may be in a shard that another replica's relay sends, and that
//! one would find it at its next poll only. So a relay that is woken without holding every shard nudges the others over the
//! database's notifications. This is not in the request's way, many commits are one nudge, and a nudge that is lost costs a
//! poll. The rows themselves never travel like this, since anybody may listen.

use std::time::Duration;

use common::lifecycle::Shutdown;
use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};
use tokio::sync::Notify;
use tracing::debug;

use crate::backoff::Backoff;

/// Nudges the relays of this login's other replicas.
pub(super) async fn send(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_notify('outbox_' || session_user, '')")
        .execute(pool)
        .await?;
    Ok(())
}

/// Passes the others' nudges on until the shutdown begins, on a connection of its own beside the pool's.
pub(super) async fn listen(pool: &PgPool, nudged: &Notify, shutdown: &Shutdown) {
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
    while !shutdown.is_cancelled() {
        tokio::select! {
            () = shutdown.cancelled() => return,
            Err(error) = receive(pool, nudged) => debug!(error.message = %error, "not listening to the other relays"),
        }
        backoff.wait(shutdown).await;
    }
}

async fn receive(pool: &PgPool, nudged: &Notify) -> Result<std::convert::Infallible, sqlx::Error> {
    let options = pool.connect_options();
    let channel = format!("outbox_{}", options.get_username());
    let own = PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .connect_with((*options).clone())
        .await?;
    let mut listener = PgListener::connect_with(&own).await?;
    listener.listen(&channel).await?;
    loop {
        listener.recv().await?;
        nudged.notify_one();
    }
}
