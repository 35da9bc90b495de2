use crate::{
    db::{self, OverdueLock},
    keeping,
    metrics::count_asked_lock,
    neighbours::{Outcome, OutcomeStatus},
    state::AppState,
    transitions,
};
use common::{crash, lifecycle::Shutdown, traces};
use futures_util::{StreamExt as _, stream};

/// How many locks one round takes on.
const CHUNK: i64 = 50;
/// How many of them it asks about at once.
const CONCURRENT: usize = 8;

/// What an answer of the payment service means for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// The payment failed: cancel, as its message would.
    Cancel,
    /// It has not begun, or is not known: nothing was charged, let go.
    Unlock,
    /// Its money went back: cancel without a refund, as the compensation would.
    Compensate,
    /// It runs, or its success is on the way.
    Wait,
}

/// Asks what became of payments whose lock is old (`design.md` §8.3): their service may have died with the lock, or its
/// message be stuck. A payment that runs or succeeded keeps its lock. The locks take turns, and one that cannot be asked
/// about does not keep the others from theirs.
pub(crate) async fn ask_payments(state: AppState, shutdown: Shutdown) {
    while !shutdown.is_cancelled() {
        if let Err(error) = ask_chunk(&state, &shutdown).await {
            tracing::warn!(
                error.message = format!("{error:#}"),
                "cannot look for old payment locks; it comes again"
            );
        }
        shutdown.sleep(state.limits.lock_query_interval).await;
    }
}

async fn ask_chunk(state: &AppState, shutdown: &Shutdown) -> anyhow::Result<()> {
    let limits = &state.limits;
    let overdue = {
        let mut connection = state.worker_pool.acquire().await?;
        db::claim_overdue_locks(&mut connection, limits.lock_query_after, limits.lock_query_again, CHUNK).await?
    };
    stream::iter(overdue)
        .for_each_concurrent(CONCURRENT, |lock| async move {
            if shutdown.is_cancelled() {
                return;
            }
            let asked = traces::background("ask after a payment lock", Box::pin(ask(state, lock)));
            if let Err(error) = asked.await {
                tracing::warn!(
                    reservation.id = %lock.reservation_id,
                    payment.id = %lock.payment_id,
                    error.message = format!("{error:#}"),
                    "asking after an old payment lock failed; its turn comes again"
                );
            }
        })
        .await;
    Ok(())
}

async fn ask(state: &AppState, lock: OverdueLock) -> anyhow::Result<()> {
    traces::note("reservation.id", || lock.reservation_id.to_string());
    traces::note("payment.id", || lock.payment_id.to_string());
    let action = action(state.payment.outcome(lock.payment_id).await?);
    tracing::info!(
        reservation.id = %lock.reservation_id,
        payment.id = %lock.payment_id,
        payment.lock.action = ?action,
        "asked after an old payment lock"
    );
    crash::point("reservation.payment-question.answered");
    act(state, lock, action).await
}

fn action(outcome: Option<Outcome>) -> Action {
    match outcome {
        None => Action::Unlock,
        Some(Outcome {
            status: OutcomeStatus::Pending,
            confirm_started: false,
        }) => Action::Unlock,
        Some(Outcome {
            status: OutcomeStatus::Pending | OutcomeStatus::Success,
            ..
        }) => Action::Wait,
        Some(Outcome {
            status: OutcomeStatus::Failed,
            ..
        }) => Action::Cancel,
        Some(Outcome {
            status: OutcomeStatus::Refunded,
            ..
        }) => Action::Compensate,
    }
}

async fn act(state: &AppState, lock: OverdueLock, action: Action) -> anyhow::Result<()> {
    match action {
        Action::Wait => {
            let read = {
                let mut connection = state.worker_pool.acquire().await?;
                db::find(&mut connection, lock.reservation_id).await?
            };
            if let Some(read) = read.filter(|read| read.reservation.payment_lock == Some(lock.payment_id)) {
                keeping::keep(state, &read.reservation.tickets(), state.limits.payment_lock_redis_ttl).await;
            }
            count_asked_lock("wait");
        }
        Action::Unlock => {
            let mut transaction = state.worker_pool.begin().await?;
            let unlocked = transitions::unlock(&mut transaction, lock.reservation_id, lock.payment_id).await?;
            transaction.commit().await?;
            crash::point("reservation.payment-question.unlocked");
            if let Some(unlocked) = unlocked {
                state.after_unlock(&unlocked).await;
            }
            count_asked_lock("unlock");
        }
        Action::Cancel | Action::Compensate => {
            let mut transaction = state.worker_pool.begin().await?;
            let ended = if action == Action::Cancel {
                transitions::payment_failed(&mut transaction, lock.reservation_id, lock.payment_id).await?
            } else {
                transitions::compensate(&mut transaction, lock.reservation_id, lock.payment_id).await?
            };
            state.outbox.commit(transaction).await?;
            crash::point("reservation.payment-question.ended");
            if let Some(tickets) = ended {
                state.after_end(&[tickets]).await;
            }
            count_asked_lock(if action == Action::Cancel {
                "cancel"
            } else {
                "compensate"
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_that_may_have_moved_money_keeps_its_lock() {
        let outcome = |status, confirm_started| {
            Some(Outcome {
                status,
                confirm_started,
            })
        };
        assert_eq!(action(outcome(OutcomeStatus::Pending, true)), Action::Wait);
        assert_eq!(action(outcome(OutcomeStatus::Success, true)), Action::Wait);
        assert_eq!(action(outcome(OutcomeStatus::Pending, false)), Action::Unlock);
        assert_eq!(action(None), Action::Unlock);
        assert_eq!(action(outcome(OutcomeStatus::Failed, true)), Action::Cancel);
        assert_eq!(action(outcome(OutcomeStatus::Refunded, true)), Action::Compensate);
    }
}
