use crate::{
    db::{self, PendingHold},
    domain::Tickets,
    keeping,
    metrics::count_rebuilt,
    state::AppState,
};
use common::{crash, lifecycle::Shutdown};
use futures_util::future::try_join_all;
use uuid::Uuid;

/// Reservations per page.
const PAGE: i64 = 200;

/// Puts the holds of live pending reservations back when Redis has lost them (`design.md` §8.2, §10), so that the crowd
/// does not have to be kept off by the database. Every replica does it; several at once are harmless.
///
/// | who dies where | then |
/// |---|---|
/// | we, before the end | it is not noted that the holds are whole: the next look begins again |
/// | we, between putting back and looking again | a hold whose reservation ended meanwhile stays until it expires |
/// | Redis, or it is emptied, meanwhile | what was noted of the beginning is gone: the next look begins again |
/// | the database | as if we had died: nothing is noted |
pub(crate) async fn rebuild_holds(state: AppState, shutdown: Shutdown) {
    let mut failing = false;
    while !shutdown.is_cancelled() {
        let looked = look(&state, &shutdown).await;
        if let Err(error) = &looked
            && !failing
        {
            tracing::warn!(
                error.message = format!("{error:#}"),
                "cannot tell whether Redis has all holds"
            );
        }
        failing = looked.is_err();
        shutdown.sleep(state.limits.rebuild_check_interval).await;
    }
}

/// Rebuilds the holds if some may be lost.
async fn look(state: &AppState, shutdown: &Shutdown) -> anyhow::Result<()> {
    let Some(rebuild) = state.seat_holds.begin_rebuild().await? else {
        return Ok(());
    };
    let (mut after, mut rebuilt) = ((Uuid::nil(), Uuid::nil()), 0);
    loop {
        let page = {
            let mut connection = state.worker_pool.acquire().await?;
            db::pending_holds(&mut connection, after, PAGE).await?
        };
        let Some(last) = page.last() else { break };
        after = (last.tickets.user_id, last.tickets.event_id);
        restore(state, &page).await?;
        rebuilt += page.len();
        if shutdown.is_cancelled() {
            return Ok(());
        }
    }
    count_rebuilt(rebuilt);
    if state.seat_holds.end_rebuild(&rebuild).await? {
        tracing::info!(
            reservation.count = rebuilt,
            "holds that Redis may have lost are there again"
        );
    }
    Ok(())
}

/// Puts one page back, but for what is not its reservations' any more.
async fn restore(state: &AppState, page: &[PendingHold]) -> anyhow::Result<()> {
    let limits = &state.limits;
    try_join_all(page.iter().map(|hold| {
        let left = hold.left.unwrap_or(limits.payment_lock_redis_ttl);
        state.seat_holds.restore(&hold.tickets, left)
    }))
    .await?;
    crash::point("reservation.rebuild.restored");
    let holds: Vec<Tickets> = page.iter().map(|hold| hold.tickets.clone()).collect();
    Ok(keeping::release_strays(state, &state.worker_pool, &holds).await?)
}
