use crate::{db, state::AppState};
use common::{lifecycle::Shutdown, traces};
use std::time::Duration;

/// How often to look.
const INTERVAL: Duration = Duration::from_secs(60);
/// How long a refund may take before it counts as forgotten.
const AFTER: Duration = Duration::from_secs(600);
/// How many are reminded of at a time, so that the refunds of a cancelled event are not asked for all over again.
const CHUNK: i64 = 50;

/// Says once more that paid reservations were cancelled whose money has not come back for long (`design.md` §8.4). The first
/// message may lie among the dead letters, and nobody else would miss it: the payment service waits for no news of a booking
/// that was confirmed. Whoever has heard it does nothing.
pub(crate) async fn remind_of_refunds(state: AppState, shutdown: Shutdown) {
    while !shutdown.is_cancelled() {
        if let Err(error) = traces::background("remind of refunds", remind(&state)).await {
            tracing::warn!(error.message = %error, "cannot look for refunds that take long; it comes again");
        }
        shutdown.sleep(INTERVAL).await;
    }
}

async fn remind(state: &AppState) -> Result<(), sqlx::Error> {
    let mut transaction = state.worker_pool.begin().await?;
    let messages = db::claim_long_due(&mut transaction, AFTER, CHUNK).await?;
    if messages.is_empty() {
        return transaction.commit().await;
    }
    outbox::enqueue_all(&mut transaction, &messages).await?;
    state.outbox.commit(transaction).await?;
    tracing::warn!(
        reservation.count = messages.len(),
        "refunds of cancelled reservations take long; their end is told again"
    );
    Ok(())
}
