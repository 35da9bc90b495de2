use common::{crash, lifecycle::Shutdown};

use super::{BATCH, Tools, work};
use crate::db::{self, unlocks::DueUnlock};

/// Gives back the locks of payments that ended without a message about it: after a decline that is not the last, and when
/// the reservation turned out to hold other seats. Should this fail for long, the reservation service asks for the
/// outcome itself.
pub(crate) async fn release_locks(tools: Tools, shutdown: Shutdown) {
    let wake = tools.settlement.unlock_due.clone();
    let take = || async {
        let mut connection = tools.db.acquire().await?;
        db::unlocks::claim(&mut connection, tools.rules.lease, BATCH).await
    };
    let each = |due| release(tools.clone(), due);
    work("release-locks", tools.rules.poll, &wake, shutdown, take, each).await;
}

async fn release(tools: Tools, due: DueUnlock) -> anyhow::Result<()> {
    tools.reservations.unlock(due.reservation_id, due.payment_id).await?;
    crash::point("payment.unlock.sent");
    let mut connection = tools.db.acquire().await?;
    Ok(db::unlocks::done(&mut connection, due.payment_id).await?)
}
