//! Seats that Redis holds for a reservation while nobody knows yet whether the database gave them to it: between taking
//! them in Redis and the end of the transaction, and longer when COMMIT's reply is lost or the buyer hangs up.

use crate::{
    db,
    domain::{Reservation, Status, Tickets},
    state::AppState,
};
use common::problem::{ApiResult, Problem};
use sqlx::{Postgres, Transaction};
use tokio::sync::mpsc;

/// Seats whose fate is open. Dropped in this state, they go to the worker that finds out.
pub(crate) struct Undecided {
    tickets: Tickets,
    worker: mpsc::UnboundedSender<Tickets>,
    open: bool,
}

impl Undecided {
    pub(crate) fn new(state: &AppState, tickets: &Tickets) -> Self {
        Self {
            tickets: tickets.clone(),
            worker: state.undecided_holds.clone(),
            open: true,
        }
    }

    /// Redis says by now what the database says.
    pub(crate) fn decided(mut self) {
        self.open = false;
    }
}

impl Drop for Undecided {
    fn drop(&mut self) {
        if self.open {
            // Without the worker the service is shutting down, and the hold expires.
            let _worker_gone = self.worker.send(self.tickets.clone());
        }
    }
}

/// How a COMMIT ended.
pub(crate) enum Committed {
    Yes,
    Unknown,
}

/// Commits. A transaction that the database refused, or that is known not to have committed, is an error. When the reply is
/// lost, `happened` tells from the reservation as it is found whether the transaction did.
pub(crate) async fn commit(
    state: &AppState,
    transaction: Transaction<'_, Postgres>,
    tickets: &Tickets,
    happened: impl FnOnce(Option<Reservation>) -> bool,
) -> ApiResult<Committed> {
    let error = match state.outbox.commit(transaction).await {
        Ok(()) => return Ok(Committed::Yes),
        Err(error) => error,
    };
    if matches!(error, sqlx::Error::Database(_)) && !common::db::is_unavailable(&error) {
        return Err(error.into());
    }
    tracing::warn!(
        reservation.id = %tickets.reservation_id,
        error.message = %error,
        "the outcome of a commit is not known; looking the reservation up"
    );
    match look_up(state, tickets).await.map(happened) {
        Ok(true) => Ok(Committed::Yes),
        Ok(false) => Err(Problem::unavailable("postgresql", &error)),
        Err(_) => Ok(Committed::Unknown),
    }
}

/// Frees in Redis those of the seats that the reservation does not have.
pub(crate) async fn settle(state: &AppState, tickets: &Tickets) -> Result<(), sqlx::Error> {
    let owned = look_up(state, tickets)
        .await?
        .filter(|reservation| reservation.status != Status::Cancelled)
        .map_or_else(Vec::new, |reservation| reservation.seat_ids());
    let strays = tickets.only(|seat| !owned.contains(seat));
    if !strays.seat_ids.is_empty() {
        state.seat_holds.release(&strays).await;
    }
    Ok(())
}

/// The reservation, if the database has it. Waits for the buyer's lock, so that a transaction whose COMMIT is still under
/// way has ended before this looks.
async fn look_up(state: &AppState, tickets: &Tickets) -> Result<Option<Reservation>, sqlx::Error> {
    let mut transaction = state.worker_pool.begin().await?;
    db::lock_buyer(&mut transaction, tickets.user_id, tickets.event_id).await?;
    let found = db::find(&mut transaction, tickets.reservation_id).await?;
    transaction.rollback().await?;
    Ok(found.map(|read| read.reservation))
}
