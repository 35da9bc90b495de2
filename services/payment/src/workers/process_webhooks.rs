use common::{crash, lifecycle::Shutdown};
use std::time::Duration;

use super::{BATCH, Tools, work};
use crate::{
    db::{self, webhook_deliveries::Due},
    domain::{Occasion, PaymentStatus},
    metrics,
};

/// The longest wait between two tries.
const MAX_BACKOFF: Duration = Duration::from_secs(300);

/// Asks PortOne about the payments that webhooks named.
pub(crate) async fn process_webhooks(tools: Tools, shutdown: Shutdown) {
    let wake = tools.webhook_stored.clone();
    let take = || async {
        let mut connection = tools.db.acquire().await?;
        db::webhook_deliveries::claim(&mut connection, tools.rules.lease, tools.webhooks.retry_for, BATCH).await
    };
    let each = |due| process(tools.clone(), due);
    work("process-webhooks", tools.rules.poll, &wake, shutdown, take, each).await;
}

async fn process(tools: Tools, due: Due) -> anyhow::Result<()> {
    let outcome = match look(&tools, &due).await {
        Ok(outcome) => outcome,
        Err(error) if due.is_old => {
            metrics::alarm("webhook_given_up");
            tracing::error!(error.message = format!("{error:#}"), "a webhook is given up");
            "GIVEN_UP"
        }
        Err(error) => {
            let wait = Duration::from_secs(1) * 2_u32.pow(u32::try_from(due.attempts).unwrap_or(1).min(8));
            let mut connection = tools.db.acquire().await?;
            db::webhook_deliveries::retry(&mut connection, &due.webhook_id, wait.min(MAX_BACKOFF)).await?;
            return Err(error);
        }
    };
    crash::point("payment.webhook.settled");
    let mut connection = tools.db.acquire().await?;
    Ok(db::webhook_deliveries::finish(&mut connection, &due.webhook_id, outcome).await?)
}

async fn look(tools: &Tools, due: &Due) -> anyhow::Result<&'static str> {
    let Some(payment) = db::webhook_deliveries::payment_of(due) else {
        return Ok("UNKNOWN_PAYMENT");
    };
    let status = {
        let mut connection = tools.db.acquire().await?;
        db::payments::find(&mut connection, payment)
            .await?
            .map(|payment| payment.status)
    };
    match status {
        None => return Ok("UNKNOWN_PAYMENT"),
        // The usual case: the confirm that caused it has ended. Asking again would be a third of all calls.
        Some(PaymentStatus::Success | PaymentStatus::Refunded) if due.event_type == "Transaction.Paid" => {
            return Ok("KNOWN");
        }
        Some(_) => {}
    }
    let found = tools.portone.get_payment(payment).await?;
    crash::point("payment.webhook.read");
    tools
        .settlement
        .settle(payment, found.as_ref(), Occasion::Enquiry)
        .await?;
    Ok("PROCESSED")
}
