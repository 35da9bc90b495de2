use common::{
    context::{self, Origin},
    crash,
    problem::{Code, Problem},
};
use tracing::Instrument;

use super::{
    answer::{Outcome, already},
    lock::lock,
};
use crate::{
    db,
    domain::{FailureReason, Payment, PaymentStatus},
    state::AppState,
};

/// Confirms a payment. The work is not tied to the caller's connection: a buyer who hangs up in the middle must not turn a
/// clear outcome into an unknown one. The service's shutdown waits for it.
pub(crate) async fn run(state: AppState, payment: Payment, token: String) -> Result<Outcome, Problem> {
    let tracker = state.confirms.clone();
    let work = context::scope(context::current(), confirm(state, payment, token)).in_current_span();
    match tracker.spawn(work).await {
        Ok(result) => result,
        Err(error) => {
            // It panicked, or the runtime ends. Step 1 may be done, so nothing is known.
            tracing::error!(error.message = %error, "a confirm ended without a result");
            Ok(Outcome::Unknown)
        }
    }
}

async fn confirm(state: AppState, payment: Payment, token: String) -> Result<Outcome, Problem> {
    // While PortOne is known to be down, nothing is begun that could only be undone.
    let confirmable = payment.status == PaymentStatus::Pending && payment.confirm_started_at.is_none();
    if confirmable && state.portone.is_refusing() {
        return Err(Problem::new(Code::ServiceUnavailable).member("charged", false));
    }
    if begin(&state, &payment).await.map_err(uncharged)? {
        crash::point("payment.confirm.started");
        return lock(&state, &payment, &token).await;
    }
    already(&state, payment.id).await
}

/// Step 1; `false` if it is not ours to go on. A payment whose hold is over is ended here rather than left to the sweep.
async fn begin(state: &AppState, payment: &Payment) -> Result<bool, sqlx::Error> {
    let mut connection = state.db.acquire().await?;
    let after = state.rules.expectation.decide_after;
    if db::confirms::begin_confirm(&mut connection, payment.id, after, &Origin::of_current()).await? {
        return Ok(true);
    }
    let over = db::confirms::is_hold_over(&mut connection, payment.id).await?;
    drop(connection);
    if over {
        state
            .settlement
            .end_unconfirmed(payment.id, FailureReason::HoldExpired)
            .await?;
    }
    Ok(false)
}

/// Before step 1 is known to have been committed nothing can be charged.
fn uncharged(error: sqlx::Error) -> Problem {
    Problem::from(error).member("charged", false)
}
