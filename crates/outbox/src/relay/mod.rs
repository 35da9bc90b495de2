//! The relay: sends a service's committed rows to Kafka.
//!
//! Every replica of a service runs one. The rows are cut into 16 shards by their key, and each shard is sent by the one
//! relay that holds its lease, so a key's rows are always sent one after the other. Leases live in the database and run
//! on its clock; a relay that dies is followed by another when they end. A relay that was only paused may wake up after its
//! lease and send once more what its successor has sent: a repetition, which inboxes absorb, never an overtaking, because
//! the successor began with the first row that was not marked as published.
//!
//! Within a shard rows are read in `seq` order. Of each key the next row is sent only once the broker has confirmed the one
//! before; different keys go at the same time. A broker that does not answer is tried for ever. Only a row that could
//! never be sent, because it is too large for instance, is parked after some tries, and its key waits behind it for an
//! operator (`ticketctl outbox`).

mod leases;
mod measure;
mod nudge;
mod publish;
mod rows;

use std::time::Duration;

use common::{crash, lifecycle::Shutdown};
use rdkafka::error::KafkaResult;
use sqlx::PgPool;
use tokio::sync::{Notify, watch};
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::{KafkaConfig, Outbox, RelayConfig, backoff::Backoff, sender::Sender};
use leases::Lease;
use publish::Pass;

pub(crate) use rows::Row;

/// How long the last rows may take after the shutdown began.
const LAST_PASS: Duration = Duration::from_secs(5);

/// Sends the rows that the pool's login has written. See the module's description.
pub struct Relay {
    /// Tells this relay's leases from those of other replicas.
    id: Uuid,
    pool: PgPool,
    /// Of the topics.
    prefix: String,
    config: RelayConfig,
    sender: Sender,
    outbox: Outbox,
}

impl Relay {
    /// A relay for the login of `pool`. Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// When the Kafka library refuses the settings.
    pub fn new(pool: PgPool, kafka: &KafkaConfig, config: &RelayConfig) -> KafkaResult<Self> {
        let sender = Sender::new(kafka, config.delivery_timeout);
        // Now, so that refused settings show at the start.
        let _made = sender.producer()?;
        Ok(Self {
            id: Uuid::now_v7(),
            pool,
            sender,
            prefix: kafka.prefix.clone(),
            config: config.clone(),
            outbox: Outbox::default(),
        })
    }

    /// The handle with which transactions are committed.
    #[must_use]
    pub fn outbox(&self) -> Outbox {
        self.outbox.clone()
    }

    /// Sends until the shutdown begins, then sends what is there, gives its leases back and returns.
    pub async fn run(self, shutdown: Shutdown) {
        let (lease, held) = watch::channel(Lease::none());
        let (id, pool, config, outbox) = (self.id, self.pool.clone(), self.config.clone(), self.outbox.clone());
        let nudged = Notify::new();
        tokio::join!(
            leases::keep(id, &pool, &config, &lease, &outbox, &shutdown),
            nudge::listen(&pool, &nudged, &shutdown),
            measure::backlog(&pool, &shutdown),
            measure::dead_letters(&self.sender, &self.prefix, &shutdown),
            self.publish(held, &nudged, &shutdown),
        );
        leases::release(id, &pool).await;
    }

    async fn publish(&self, held: watch::Receiver<Lease>, nudged: &Notify, shutdown: &Shutdown) {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        while !shutdown.is_cancelled() {
            // A delivery may take long while the broker is away; the shutdown does not wait for all of it.
            let too_late = async {
                shutdown.cancelled().await;
                tokio::time::sleep(LAST_PASS).await;
            };
            let pass = tokio::select! {
                pass = self.pass(&held) => pass,
                () = too_late => return,
            };
            match pass {
                Pass::More => backoff.reset(),
                Pass::Done => {
                    backoff.reset();
                    tokio::select! {
                        () = self.outbox.woken() => self.nudge_others(&held).await,
                        () = nudged.notified() => {}
                        () = tokio::time::sleep(self.config.poll_interval) => {}
                        () = shutdown.cancelled() => {}
                    }
                }
                Pass::Failed => backoff.wait(shutdown).await,
            }
        }
        let last = async { while matches!(self.pass(&held).await, Pass::More) {} };
        if tokio::time::timeout(LAST_PASS, last).await.is_err() {
            info!("stopping with messages in the outbox; another replica or the next start sends them");
        }
    }

    /// A row of this process may be another relay's to send.
    async fn nudge_others(&self, held: &watch::Receiver<Lease>) {
        let alone = held.borrow().is_complete();
        if !alone && let Err(error) = nudge::send(&self.pool).await {
            warn!(error.message = %error, "cannot nudge the other relays; they will poll");
        }
    }

    /// Reads the next rows of the leased shards, sends them and marks them.
    async fn pass(&self, held: &watch::Receiver<Lease>) -> Pass {
        let rows = match rows::next(&self.pool, self.id, self.config.batch_per_shard).await {
            Ok(rows) => rows,
            Err(error) => {
                warn!(error.message = %error, "cannot read the outbox");
                return Pass::Failed;
            }
        };
        if rows.is_empty() {
            return Pass::Done;
        }
        let more = is_cut(&rows, self.config.batch_per_shard);
        let sent = publish::send(&self.sender, &self.prefix, rows, held).await;

        if !sent.published.is_empty() {
            // The broker has them, and nothing of ours knows.
            crash::point("outbox.relay.published");
        }
        if let Err(error) = rows::mark_published(&self.pool, &sent.published).await {
            // They are sent again, and the inboxes know them.
            warn!(error.message = %error, "cannot mark messages as published");
            return Pass::Failed;
        }
        metrics::counter!("outbox_published_total").increment(sent.published.len() as u64);
        for (id, reason) in &sent.unfit {
            match rows::mark_unfit(&self.pool, *id, reason, self.config.row_attempts).await {
                Ok(true) => error!(
                    message.id = %id,
                    error.message = reason,
                    "a message cannot be published and is parked with its key until `ticketctl outbox retry` or `skip`"
                ),
                Ok(false) => warn!(message.id = %id, error.message = reason, "a message could not be published"),
                Err(error) => {
                    warn!(error.message = %error, "cannot note that a message could not be published");
                    return Pass::Failed;
                }
            }
        }
        if let Some(reason) = sent.broken {
            warn!(
                error.message = reason,
                "the broker does not take messages; trying again"
            );
            return Pass::Failed;
        }
        if more || !sent.unfit.is_empty() {
            Pass::More
        } else {
            Pass::Done
        }
    }
}

/// Whether a shard gave as many rows as were asked for, so that it may have more.
fn is_cut(rows: &[rows::Row], limit: u16) -> bool {
    rows.chunk_by(|one, next| one.shard == next.shard)
        .any(|shard| shard.len() >= usize::from(limit))
}
