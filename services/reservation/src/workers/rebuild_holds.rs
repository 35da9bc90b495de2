use crate::{
    db::{self, PendingHold},
    domain::Tickets,
    metrics::count_rebuilt,
    state::AppState,
};
use common::{crash, lifecycle::Shutdown};
use futures_util::future::{join_all, try_join_all};
use std::collections::HashSet;
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

/// Puts one page back. A reservation that was released or changed its seats since it was read had its own release in Redis
/// before ours went in, so whatever is not its seat any more is taken away again.
async fn restore(state: &AppState, page: &[PendingHold]) -> anyhow::Result<()> {
    let limits = &state.limits;
    try_join_all(page.iter().map(|hold| {
        let left = hold.left.unwrap_or(limits.payment_lock_redis_ttl);
        state.seat_holds.restore(&hold.tickets, left)
    }))
    .await?;
    crash::point("reservation.rebuild.restored");
    let ids: Vec<Uuid> = page.iter().map(|hold| hold.tickets.reservation_id).collect();
    let held: HashSet<(Uuid, Uuid)> = {
        let mut connection = state.worker_pool.acquire().await?;
        db::seats_still_held(&mut connection, &ids).await?.into_iter().collect()
    };
    let strays: Vec<Tickets> = page.iter().filter_map(|hold| strays(&hold.tickets, &held)).collect();
    join_all(strays.iter().map(|tickets| state.seat_holds.release(tickets))).await;
    Ok(())
}

/// The seats that the reservation does not hold any more, if any.
fn strays(tickets: &Tickets, held: &HashSet<(Uuid, Uuid)>) -> Option<Tickets> {
    let mut strays = tickets.clone();
    strays
        .seat_ids
        .retain(|seat_id| !held.contains(&(tickets.reservation_id, *seat_id)));
    (!strays.seat_ids.is_empty()).then_some(strays)
}
