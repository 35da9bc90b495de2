use common::lifecycle::Shutdown;
use tokio::sync::Notify;
use uuid::Uuid;

use super::{Tools, work};
use crate::{db, domain::FailureReason};

/// How many are looked for at once.
const BATCH: i64 = 50;

/// Ends payments that were never confirmed when their hold ends. The hold's own end says so as well, by message; this does
/// not need it. Replicas may come to the same payment: the second finds it ended.
pub(crate) async fn end_expired_payments(tools: Tools, shutdown: Shutdown) {
    let never_woken = Notify::new();
    let take = || async {
        let mut connection = tools.db.acquire().await?;
        db::payments::find_expired(&mut connection, BATCH).await
    };
    let each = |payment| end(tools.clone(), payment);
    work(
        "end-expired-payments",
        tools.rules.poll,
        &never_woken,
        shutdown,
        take,
        each,
    )
    .await;
}

async fn end(tools: Tools, payment: Uuid) -> anyhow::Result<()> {
    Ok(tools
        .settlement
        .end_unconfirmed(payment, FailureReason::HoldExpired)
        .await?)
}
