use crate::{db, domain::Tickets, metrics::count_expired, state::AppState, transitions::tickets_of};
use common::{crash, lifecycle::Shutdown, traces};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

/// Ends holds that ran out, on the database's time, in chunks of one transaction each. Replicas pass over what another one
/// is at. Until a hold is ended here it may still be confirmed by a late payment or taken over by the next buyer.
pub(crate) async fn expire_holds(state: AppState, shutdown: Shutdown) {
    while !shutdown.is_cancelled() {
        match expire_chunk(&state).await {
            // A full chunk: there are probably more.
            Ok(ended) if i64::try_from(ended) == Ok(state.limits.sweep_chunk) => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(error.message = %error, "the sweep of expired holds failed; it comes again"),
        }
        shutdown.sleep(state.limits.sweep_interval).await;
    }
}

/// Ends one chunk; returns how many reservations it was.
async fn expire_chunk(state: &AppState) -> Result<usize, sqlx::Error> {
    let mut transaction = state.worker_pool.begin().await?;
    let ids = db::lock_expired(&mut transaction, state.limits.sweep_chunk).await?;
    if ids.is_empty() {
        transaction.rollback().await?;
        return Ok(0);
    }
    traces::background("expire holds", expire(state, transaction, &ids)).await
}

async fn expire(
    state: &AppState,
    mut transaction: Transaction<'static, Postgres>,
    ids: &[Uuid],
) -> Result<usize, sqlx::Error> {
    let messages = db::expire(&mut transaction, ids).await?;
    outbox::enqueue_all(&mut transaction, &messages).await?;
    state.outbox.commit(transaction).await?;
    crash::point("reservation.sweep.committed");
    let ended: Vec<Tickets> = messages.into_iter().map(tickets_of).collect();
    count_expired(ended.len());
    tracing::info!(reservation.count = ended.len(), "holds ran out");
    state.after_end(&ended).await;
    Ok(ended.len())
}
