use common::lifecycle::Shutdown;
use std::time::Duration;

use super::Tools;
use crate::{db, metrics};

const INTERVAL: Duration = Duration::from_secs(10);

/// Keeps the gauges that alarms are on: stuck bookings and refunds that wait for the operator (design.md §12).
pub(crate) async fn measure(tools: Tools, shutdown: Shutdown) {
    while !shutdown.is_cancelled() {
        if let Err(error) = look(&tools).await {
            tracing::warn!(error.message = %error, "cannot measure payments");
        }
        shutdown.sleep(INTERVAL).await;
    }
}

async fn look(tools: &Tools) -> Result<(), sqlx::Error> {
    let mut connection = tools.db.acquire().await?;
    let sagas = db::sagas::count_stuck(&mut connection, tools.rules.saga_alarm_after).await?;
    let refunds = db::refunds::count_failed(&mut connection).await?;
    metrics::waiting(sagas, refunds);
    Ok(())
}
