use crate::{db, state::App};
use common::lifecycle::Shutdown;

/// Few enough that nobody waits long for their locks.
const CHUNK: i64 = 1000;

/// Deletes what has had its time: counts of bad passwords, login history, refresh tokens that expired, identity verifications
/// that are too old to be shown again, hashed CIs and social accounts of accounts deleted
/// long ago. Nothing depends on how soon.
pub(crate) async fn purge(app: App, shutdown: Shutdown) {
    while !shutdown.is_cancelled() {
        match round(&app).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::warn!(error.message = %error, "cannot delete what is old"),
        }
        shutdown.sleep(app.jobs.purge_interval).await;
    }
}

/// One chunk of each; whether there may be more.
async fn round(app: &App) -> sqlx::Result<bool> {
    let connection = &mut *app.db.acquire().await?;
    let deleted = [
        db::purge::login_failures(connection, CHUNK).await?,
        db::purge::login_history(connection, app.jobs.history_retention, CHUNK).await?,
        db::purge::refresh_tokens(connection, CHUNK).await?,
        db::purge::used_verifications(connection, CHUNK).await?,
        db::withdrawn::release_some(connection, app.rejoin_after, CHUNK).await?,
        db::social::release_some(connection, app.rejoin_after, CHUNK).await?,
    ];
    Ok(deleted.into_iter().any(|rows| rows >= CHUNK.unsigned_abs()))
}
