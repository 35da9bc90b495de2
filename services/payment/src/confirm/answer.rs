//! What the buyer is told. A problem always says whether money moved.

use common::problem::{Code, Problem};
use uuid::Uuid;

use crate::{
    db,
    domain::{FailureReason, Payment, PaymentStatus},
    state::AppState,
};

/// How a confirm ended, unless with a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The money was captured.
    Succeeded,
    /// Nobody knows yet; PortOne will be asked.
    Unknown,
}

/// The step failed in a way that leaves the outcome open. It is the reconciler's from here on.
pub(super) fn unknown(payment: &Payment, step: &'static str, error: &dyn std::fmt::Display) -> Outcome {
    tracing::warn!(
        payment.id = %payment.id,
        confirm.step = step,
        error.message = %error,
        "the outcome of a confirm is unknown"
    );
    Outcome::Unknown
}

/// Somebody else confirmed before, or still does, or the payment has ended: PENDING is "wait", SUCCESS is the same answer
/// again.
pub(super) async fn already(state: &AppState, payment: Uuid) -> Result<Outcome, Problem> {
    let mut connection = state.db.acquire().await?;
    let payment = db::payments::find(&mut connection, payment)
        .await?
        .ok_or_else(|| Problem::new(Code::NotFound))?;
    match payment.status {
        PaymentStatus::Pending => Ok(Outcome::Unknown),
        PaymentStatus::Success => Ok(Outcome::Succeeded),
        PaymentStatus::Failed | PaymentStatus::Refunded => Err(ended(&payment)),
    }
}

/// The payment after this very confirm.
pub(super) fn decided(payment: &Payment) -> Result<Outcome, Problem> {
    match payment.status {
        PaymentStatus::Pending => Ok(Outcome::Unknown),
        PaymentStatus::Success => Ok(Outcome::Succeeded),
        PaymentStatus::Failed if payment.failed_for(FailureReason::Declined) => {
            Err(Problem::new(Code::PaymentDeclined).member("charged", payment.captured))
        }
        PaymentStatus::Failed if payment.captured => Err(Problem::new(Code::UpstreamFailed)
            .detail("The payment provider took something else than was asked for. It is given back.")
            .member("charged", true)),
        PaymentStatus::Failed | PaymentStatus::Refunded => Err(ended(payment)),
    }
}

fn ended(payment: &Payment) -> Problem {
    let code = if payment.failed_for(FailureReason::HoldExpired) {
        Code::HoldExpired
    } else {
        Code::PaymentNotPending
    };
    let problem = Problem::new(code)
        .member("charged", payment.captured)
        .member("paymentStatus", payment.status.as_str());
    match &payment.failure_reason {
        Some(reason) => problem.member("failureReason", reason.as_str()),
        None => problem,
    }
}
