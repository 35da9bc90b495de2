use crate::{blacklist::Ended, db, state::App};
use common::lifecycle::Shutdown;
use uuid::Uuid;

const CHUNK: i64 = 100;

/// Lets accounts sleep that nobody has signed in to for a year, daily (`design.md` §3.1), and ends their sessions. In chunks
/// of one transaction each; replicas pass over what another one is at. A login that comes first wins, because an account is
/// looked at again once it is locked.
pub(crate) async fn make_dormant(app: App, shutdown: Shutdown) {
    while !shutdown.is_cancelled() {
        if let Err(error) = round(&app, &shutdown).await {
            tracing::warn!(error.message = %error, "looking for dormant accounts failed; it comes again");
        }
        shutdown.sleep(app.jobs.dormancy_interval).await;
    }
}

/// Goes through all accounts once.
async fn round(app: &App, shutdown: &Shutdown) -> sqlx::Result<()> {
    let mut after = Uuid::nil();
    while !shutdown.is_cancelled() {
        let mut transaction = app.db.begin().await?;
        let asleep = db::dormancy::claim(&mut transaction, app.jobs.dormant_after, after, CHUNK).await?;
        let Some(last) = asleep.last() else { return Ok(()) };
        after = *last;
        db::dormancy::make_dormant(&mut transaction, &asleep).await?;
        let mut ended = Ended::default();
        for user in &asleep {
            ended
                .0
                .extend(app.sessions.end_all(&mut transaction, *user, None).await?.0);
        }
        transaction.commit().await?;
        tracing::info!(user.count = asleep.len(), "accounts became dormant");
        app.sessions.tell_or_leave(&ended).await;
    }
    Ok(())
}
