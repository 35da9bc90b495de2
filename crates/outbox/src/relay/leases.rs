//! Which shards this relay sends.

use std::time::Duration;

use common::lifecycle::Shutdown;
use sqlx::PgPool;
use tokio::{sync::watch, time::Instant};
use tracing::{debug, warn};
use uuid::Uuid;

use crate::{Outbox, RelayConfig};

/// How many there are; the table's `shard` column computes them.
const SHARDS: u8 = 16;

/// What the last renewal gave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    shards: usize,
    /// Never later than the end on the database's clock, because it counts from before the question.
    until: Option<Instant>,
}

impl Lease {
    pub(super) fn none() -> Self {
        Self { shards: 0, until: None }
    }

    /// Whether no other relay has anything to send.
    pub(super) fn is_complete(&self) -> bool {
        self.shards == usize::from(SHARDS) && self.holds()
    }

    /// Whether rows may be sent under it now.
    pub(super) fn holds(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }
}

/// Renews what is held and takes what is free, three times per lease, until the shutdown begins.
pub(super) async fn keep(
    id: Uuid,
    pool: &PgPool,
    config: &RelayConfig,
    lease: &watch::Sender<Lease>,
    outbox: &Outbox,
    shutdown: &Shutdown,
) {
    while !shutdown.is_cancelled() {
        let asked = Instant::now();
        match renew(id, pool, config.lease).await {
            Ok(shards) => {
                let before = lease.send_replace(Lease {
                    shards,
                    until: Some(asked + config.lease),
                });
                if shards != before.shards {
                    debug!(outbox.shards = shards, "holding another number of shards");
                    // The new ones may have rows waiting.
                    outbox.wake();
                }
            }
            Err(error) => warn!(error.message = %error, "cannot renew the outbox's leases"),
        }
        shutdown.sleep((config.lease / 3).saturating_sub(asked.elapsed())).await;
    }
}

async fn renew(id: Uuid, pool: &PgPool, lease: Duration) -> Result<usize, sqlx::Error> {
    // Losing a renewal in a crash of the database costs nothing, so nobody waits for its log to reach the disk.
    let shards: Vec<i16> = sqlx::query_scalar(
        r#"
            insert into common.outbox_leases as held (shard, owner, expires_at)
            select shard, $1, clock_timestamp() + make_interval(secs => $2)
            from generate_series(0, $3 - 1) as shard, set_config('synchronous_commit', 'off', true)
            order by shard
            on conflict (producer, shard) do update
            set owner = excluded.owner, expires_at = excluded.expires_at
            where held.owner = excluded.owner or held.expires_at <= clock_timestamp()
            returning held.shard
        "#,
    )
    .bind(id)
    .bind(lease.as_secs_f64())
    .bind(i32::from(SHARDS))
    .fetch_all(pool)
    .await?;
    Ok(shards.len())
}

/// Gives the leases back, so that another replica need not wait for their end.
pub(super) async fn release(id: Uuid, pool: &PgPool) {
    let release = sqlx::query("delete from common.outbox_leases where owner = $1")
        .bind(id)
        .execute(pool);
    match tokio::time::timeout(Duration::from_secs(2), release).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => warn!(error.message = %error, "cannot give the outbox's leases back; they will run out"),
        Err(_) => warn!("cannot give the outbox's leases back in time; they will run out"),
    }
}
