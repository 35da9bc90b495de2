use anyhow::Context;
use common::{crash, lifecycle::Shutdown};
use std::time::Duration;

use super::{BATCH, Tools, work};
use crate::{
    config::Rules,
    db::{
        self,
        refunds::{Due, Kind},
    },
    metrics,
    portone::{Cancel, CancellationStatus, PortonePayment, PortoneStatus, Refusal},
};

/// Soon: PortOne has just told that its state is another than we had read.
const READ_AGAIN: Duration = Duration::from_millis(200);
/// How many of the first attempts may be followed so soon.
const SURPRISES: i32 = 4;

/// Gives money back (design.md §8.4). Each try reads the truth first, so it does not matter whether an earlier one, another
/// replica or somebody in PortOne's console has done it.
///
/// A cancelled event asks for thousands of refunds at once. They go out at a bounded pace, a batch at a time on each replica,
/// beside a batch of all others: a buyer who cancels one booking meanwhile waits for one batch and not for thousands.
pub(crate) async fn refund_payments(tools: Tools, shutdown: Shutdown) {
    let wake = tools.settlement.refund_due.clone();
    let take = || async {
        let mut connection = tools.db.acquire().await?;
        let lease = tools.rules.lease;
        let mut taken = db::refunds::claim(&mut connection, Kind::Single, lease, BATCH).await?;
        taken.extend(db::refunds::claim(&mut connection, Kind::OfCancelledEvent, lease, BATCH).await?);
        Ok(taken)
    };
    let each = |due| refund(tools.clone(), due);
    work("refund-payments", tools.rules.poll, &wake, shutdown, take, each).await;
}

/// What a try came to.
enum Try {
    /// The money went back.
    Done(Box<PortonePayment>),
    /// PortOne says that it gave the money back, and does not show it yet.
    Accepted(String),
    /// PortOne's state changed under us: read it again soon.
    Changed(String),
    /// Not yet.
    NotYet(String),
}

async fn refund(tools: Tools, due: Due) -> anyhow::Result<()> {
    crash::point("payment.refund.claimed");
    let tried = attempt(&tools, &due).await;
    // What was given back is no failure, however late it shows.
    let last = due.past_deadline && !matches!(tried, Try::Accepted(_));
    let (error, wait) = match tried {
        Try::Done(found) => {
            tools.settlement.complete_refund(due.payment_id, &found).await?;
            crash::point("payment.refund.completed");
            return Ok(());
        }
        Try::Accepted(error) | Try::Changed(error) if due.attempts < SURPRISES => (error, READ_AGAIN),
        Try::Accepted(error) | Try::Changed(error) | Try::NotYet(error) => {
            (error, back_off(&tools.rules, due.attempts))
        }
    };
    let mut connection = tools.db.acquire().await?;
    if last {
        let given_up = db::refunds::give_up(&mut connection, &due, &error).await;
        if !given_up.context("cannot give a refund up")? {
            return Ok(());
        }
        metrics::alarm("refund_failed");
        tracing::error!(
            payment.id = %due.payment_id,
            refund.attempts = due.attempts,
            error.message = error,
            "a refund is given up; see `ticketctl refund list`"
        );
        return Ok(());
    }
    tracing::warn!(
        payment.id = %due.payment_id,
        refund.attempts = due.attempts,
        error.message = error,
        "a refund did not succeed yet"
    );
    Ok(db::refunds::retry(&mut connection, &due, wait, &error).await?)
}

async fn attempt(tools: &Tools, due: &Due) -> Try {
    let found = match tools.portone.get_payment(due.payment_id).await {
        Ok(Some(found)) => found,
        Ok(None) => return Try::NotYet("PortOne does not know the payment".to_owned()),
        Err(error) => return Try::NotYet(error.to_string()),
    };
    match found.status {
        PortoneStatus::Cancelled => return Try::Done(Box::new(found)),
        PortoneStatus::Paid | PortoneStatus::PartialCancelled => {}
        PortoneStatus::Other(_) => {
            metrics::alarm("unknown_word");
            return Try::NotYet(format!("PortOne shows the payment as {:?}", found.status));
        }
        _ => return Try::NotYet(format!("PortOne shows the payment as {:?}", found.status)),
    }
    if found.cancellation_pending() {
        if found
            .cancellations
            .iter()
            .any(|cancellation| cancellation.status.is_unknown())
        {
            metrics::alarm("unknown_word");
        }
        return Try::NotYet("a cancellation is under way at PortOne".to_owned());
    }
    let cancel = Cancel {
        payment: due.payment_id,
        refund: due.id,
        attempt: due.attempts,
        reason: &due.reason,
        cancellable: found.cancellable(),
    };
    let cancelled = tools.portone.cancel(&cancel).await;
    crash::point("payment.refund.cancelled-at-portone");
    match cancelled {
        Ok(cancellation) => match cancellation.status {
            // The next look finds it done and takes PortOne's word for when.
            CancellationStatus::Succeeded => look_again(tools, due).await,
            status => Try::NotYet(format!("PortOne answered with a cancellation that is {status:?}")),
        },
        Err(error) => match error.refusal() {
            Some(Refusal::PaymentAlreadyCancelled | Refusal::CancellableAmountConsistencyBroken) => {
                Try::Changed(error.to_string())
            }
            _ => Try::NotYet(error.to_string()),
        },
    }
}

async fn look_again(tools: &Tools, due: &Due) -> Try {
    match tools.portone.get_payment(due.payment_id).await {
        Ok(Some(found)) if found.status == PortoneStatus::Cancelled => Try::Done(Box::new(found)),
        Ok(_) => Try::Accepted("the cancellation does not show yet".to_owned()),
        Err(error) => Try::Accepted(error.to_string()),
    }
}

/// Doubles with each attempt, counted from 1.
fn back_off(rules: &Rules, attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or_default().min(20);
    rules
        .refund_backoff
        .saturating_mul(2_u32.pow(doublings))
        .min(rules.refund_backoff_max)
}
