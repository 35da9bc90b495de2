//! Loops. Each runs on every replica: what one takes, others pass over (`for update skip locked` and a lease on the
//! database's clock), and what one does not finish comes up again.

mod drive_sagas;
mod drop_old_webhooks;
mod end_expired_payments;
mod finish_confirms;
mod measure;
mod process_webhooks;
mod reconcile_payments;
mod refund_payments;
mod release_locks;

pub(crate) use drive_sagas::drive_sagas;
pub(crate) use drop_old_webhooks::drop_old_webhooks;
pub(crate) use end_expired_payments::end_expired_payments;
pub(crate) use finish_confirms::finish_confirms;
pub(crate) use measure::measure;
pub(crate) use process_webhooks::process_webhooks;
pub(crate) use reconcile_payments::reconcile_payments;
pub(crate) use refund_payments::refund_payments;
pub(crate) use release_locks::release_locks;

use common::{lifecycle::Shutdown, traces};
use sqlx::PgPool;
use std::{future::Future, sync::Arc, time::Duration};
use tokio::{sync::Notify, task::JoinSet};

use crate::{
    config::{Rules, WebhookConfig},
    neighbours::ReservationClient,
    portone::PortoneClient,
    settlement::Settlement,
};

/// What workers use; cheap to clone.
#[derive(Clone)]
pub(crate) struct Tools {
    pub(crate) db: PgPool,
    pub(crate) portone: Arc<PortoneClient>,
    pub(crate) reservations: Arc<ReservationClient>,
    pub(crate) settlement: Settlement,
    pub(crate) rules: Arc<Rules>,
    pub(crate) webhooks: WebhookConfig,
    pub(crate) webhook_stored: Arc<Notify>,
}

/// How many things a worker takes and works at at once.
const BATCH: i64 = 10;

/// Takes work and does all of it at once, again and again until nothing is there; then waits to be woken, at most `poll`.
async fn work<T, Take, Taken, Do, Done>(
    name: &'static str,
    poll: Duration,
    wake: &Notify,
    shutdown: Shutdown,
    take: Take,
    each: Do,
) where
    Take: Fn() -> Taken,
    Taken: Future<Output = Result<Vec<T>, sqlx::Error>>,
    Do: Fn(T) -> Done,
    Done: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    while !shutdown.is_cancelled() {
        let taken = take().await.unwrap_or_else(|error| {
            tracing::warn!(worker.name = name, error.message = %error, "a worker cannot look for work");
            Vec::new()
        });
        if taken.is_empty() {
            tokio::select! {
                () = wake.notified() => {}
                _ = shutdown.sleep(poll) => {}
            }
            continue;
        }
        let mut tasks = JoinSet::new();
        for one in taken {
            // Each piece of work is the beginning of a trace of its own.
            tasks.spawn(traces::background(name, each(one)));
        }
        let mut failed = false;
        while let Some(result) = tasks.join_next().await {
            if let Err(error) = result.map_err(anyhow::Error::from).flatten() {
                tracing::warn!(
                    worker.name = name,
                    error.message = format!("{error:#}"),
                    "a piece of work failed"
                );
                failed = true;
            }
        }
        if failed {
            // What has no lease is found again at once.
            shutdown.sleep(poll).await;
        }
    }
}
