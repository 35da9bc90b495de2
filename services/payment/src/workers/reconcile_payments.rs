use common::{crash, lifecycle::Shutdown};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{BATCH, Tools, work};
use crate::{db, domain::Occasion};

/// Asks PortOne about payments whose outcome is unknown, and again about failed ones that may have been charged late
/// (design.md §8.3). A payment about which PortOne does not answer comes up again when its lease is over.
pub(crate) async fn reconcile_payments(tools: Tools, shutdown: Shutdown) {
    let never_woken = Notify::new();
    let take = || async {
        let mut connection = tools.db.acquire().await?;
        db::checks::claim(&mut connection, tools.rules.lease, BATCH).await
    };
    let each = |payment| reconcile(tools.clone(), payment);
    work(
        "reconcile-payments",
        tools.rules.poll,
        &never_woken,
        shutdown,
        take,
        each,
    )
    .await;
}

async fn reconcile(tools: Tools, payment: Uuid) -> anyhow::Result<()> {
    let found = tools.portone.get_payment(payment).await?;
    crash::point("payment.reconcile.read");
    tools
        .settlement
        .settle(payment, found.as_ref(), Occasion::Check)
        .await?;
    Ok(())
}
