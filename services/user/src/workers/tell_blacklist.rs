use crate::state::App;
use common::lifecycle::Shutdown;

/// Sees to it that the gateway's blacklist has every session that ended ([`crate::blacklist`]).
pub(crate) async fn tell_blacklist(app: App, shutdown: Shutdown) {
    let mut failing = false;
    while !shutdown.is_cancelled() {
        let told = round(&app).await;
        if let Err(error) = &told
            && !failing
        {
            tracing::warn!(
                error.message = format!("{error:#}"),
                "cannot tell the gateway which sessions have ended; it comes again"
            );
        }
        failing = told.is_err();
        if !told.is_ok_and(|more| more) {
            shutdown.sleep(app.jobs.blacklist_interval).await;
        }
    }
}

async fn round(app: &App) -> anyhow::Result<bool> {
    let blacklist = app.sessions.blacklist();
    blacklist.notice_loss(&app.db).await?;
    let more = blacklist.tell_missing(&app.db).await?;
    if !more {
        blacklist.forget_old(&app.db).await?;
    }
    Ok(more)
}
