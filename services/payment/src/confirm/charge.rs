use common::{
    crash,
    problem::{Code, Problem},
};

use super::answer::{Outcome, decided, unknown};
use crate::{
    db,
    domain::{Occasion, Payment},
    portone::{Confirm, PortoneError, Refusal},
    state::AppState,
};

/// Step 3. What an error means is the heart of the matter: only the token's refusal and the payment gateway's are
/// declines, only a call that was never sent had no effect, and all else is unknown.
pub(super) async fn charge(state: &AppState, payment: &Payment, token: &str) -> Result<Outcome, Problem> {
    let confirm = Confirm {
        payment: payment.id,
        token,
        amount: payment.amount,
        is_test: !state.rules.expectation.live_channel,
    };
    let charged = state.portone.confirm(&confirm).await;
    crash::point("payment.confirm.charged");
    let Err(error) = charged else {
        return look(state, payment, Occasion::Enquiry).await;
    };
    match error.refusal() {
        Some(Refusal::PgProvider) => look(state, payment, Occasion::AfterGatewayError).await,
        Some(Refusal::InvalidPaymentToken | Refusal::InformationMismatch) => {
            match state.settlement.decline(payment.id).await {
                Ok(payment) => decided(&payment),
                Err(error) => Ok(unknown(payment, "note the decline", &error)),
            }
        }
        None if error.was_not_sent() => step_back(state, payment, &error).await,
        _ => Ok(unknown(payment, "charge", &error)),
    }
}

/// Steps 4 and 5.
async fn look(state: &AppState, payment: &Payment, occasion: Occasion) -> Result<Outcome, Problem> {
    let found = match state.portone.get_payment(payment.id).await {
        Ok(found) => found,
        Err(error) => return Ok(unknown(payment, "read the payment", &error)),
    };
    crash::point("payment.confirm.read");
    match state.settlement.settle(payment.id, found.as_ref(), occasion).await {
        Ok(payment) => {
            crash::point("payment.confirm.settled");
            decided(&payment)
        }
        Err(error) => Ok(unknown(payment, "write the outcome", &error)),
    }
}

/// PortOne never saw the call. First the lock is given back, then the payment may be confirmed again: the other way round,
/// a new confirm could lose the lock that it relies on.
async fn step_back(state: &AppState, payment: &Payment, error: &PortoneError) -> Result<Outcome, Problem> {
    if let Err(error) = state.reservations.unlock(payment.reservation_id, payment.id).await {
        return Ok(unknown(payment, "give the lock back", &error));
    }
    crash::point("payment.confirm.lock-given-back");
    let released = match state.db.acquire().await {
        Ok(mut connection) => db::confirms::release_confirm(&mut connection, payment.id).await,
        Err(error) => Err(error),
    };
    match released {
        Ok(()) => {
            tracing::warn!(payment.id = %payment.id, error.message = %error, "a confirm was taken back uncharged");
            let problem = Problem::new(Code::ServiceUnavailable).member("charged", false);
            Err(match error {
                PortoneError::CircuitOpen { retry_after } => problem.retry_after(*retry_after),
                _ => problem,
            })
        }
        Err(error) => Ok(unknown(payment, "take the confirm back", &error)),
    }
}
