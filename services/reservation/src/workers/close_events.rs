//! Ends the reservations of cancelled events (`design.md` §8.5), in chunks of one transaction each, with their messages.
//!
//! | who dies where | then |
//! |---|---|
//! | we, before a chunk's commit | nothing of it has happened; it comes again |
//! | we, after it | its messages leave when a relay runs; the holds in Redis expire; the next chunk is as if nothing had been |
//! | every replica | the event stays closed, so nothing is added meanwhile; whoever starts first goes on |
//! | PostgreSQL | the round fails and comes again |
//!
//! Each replica runs this, and they share an event's reservations by passing over what another one has locked. So is passed
//! over what a payment has locked: its success finds the event closed and is refunded, its failure cancels, and after an
//! unlock the next round does. The event is done when no live reservation is left.

use crate::{db, domain::Tickets, metrics::count_closed, state::AppState, transitions::tickets_of};
use common::{crash, lifecycle::Shutdown, traces};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

pub(crate) async fn close_events(state: AppState, shutdown: Shutdown) {
    while !shutdown.is_cancelled() {
        match round(&state, &shutdown).await {
            Ok(ended) if ended > 0 => continue,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error.message = %error, "cannot look for cancelled events; it comes again");
            }
        }
        tokio::select! {
            () = state.event_closed.notified() => {}
            _ = shutdown.sleep(state.limits.closing_interval) => {}
        }
    }
}

/// One chunk of every closed event, so that a large one does not make the others wait. Returns how many reservations it
/// ended.
async fn round(state: &AppState, shutdown: &Shutdown) -> Result<usize, sqlx::Error> {
    let mut connection = state.worker_pool.acquire().await?;
    let events = db::unfinished_closings(&mut connection).await?;
    drop(connection);
    let mut ended = 0;
    for event_id in events {
        if shutdown.is_cancelled() {
            break;
        }
        match close_chunk(state, event_id).await {
            Ok(chunk) => ended += chunk,
            // The others' turn comes all the same.
            Err(error) => tracing::warn!(
                event.id = %event_id,
                error.message = %error,
                "ending reservations of a cancelled event failed; it comes again"
            ),
        }
    }
    Ok(ended)
}

/// Ends one chunk of an event's reservations; returns how many they were. With none left to take, notes the event as done
/// unless somebody still has one.
async fn close_chunk(state: &AppState, event_id: Uuid) -> Result<usize, sqlx::Error> {
    let mut transaction = state.worker_pool.begin().await?;
    let ids = db::lock_live(&mut transaction, event_id, state.limits.closing_chunk).await?;
    if ids.is_empty() {
        let finished = db::finish_closing(&mut transaction, event_id).await?;
        transaction.commit().await?;
        if finished {
            tracing::info!(event.id = %event_id, "every reservation of a cancelled event has ended");
        }
        return Ok(0);
    }
    traces::background("close an event", close(state, transaction, event_id, &ids)).await
}

async fn close(
    state: &AppState,
    mut transaction: Transaction<'static, Postgres>,
    event_id: Uuid,
    ids: &[Uuid],
) -> Result<usize, sqlx::Error> {
    traces::note("event.id", || event_id.to_string());
    let messages = db::cancel_live(&mut transaction, ids).await?;
    outbox::enqueue_all(&mut transaction, &messages).await?;
    state.outbox.commit(transaction).await?;
    crash::point("reservation.closing.chunk-committed");
    let ended: Vec<Tickets> = messages.into_iter().map(tickets_of).collect();
    count_closed(ended.len());
    tracing::info!(event.id = %event_id, reservation.count = ended.len(), "reservations of a cancelled event ended");
    state.after_end(&ended).await;
    Ok(ended.len())
}
