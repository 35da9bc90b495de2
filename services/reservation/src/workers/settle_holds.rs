use crate::{domain::Tickets, holding::has_reservation, state::AppState};
use common::lifecycle::Shutdown;
use std::{collections::VecDeque, time::Duration};
use tokio::{sync::mpsc, time::Instant};

/// How long to leave a database alone that could not tell.
const PAUSE: Duration = Duration::from_secs(1);

/// Finds out about holds whose request ended before it knew whether the database has the reservation: the buyer hung up, or
/// the reply to COMMIT was lost. Without a reservation the seats are freed in Redis; otherwise they stay. After the hold's
/// time Redis has freed them by itself, and there is nothing left to find out.
pub(crate) async fn settle_holds(state: AppState, mut undecided: mpsc::UnboundedReceiver<Tickets>, shutdown: Shutdown) {
    let mut waiting: VecDeque<(Tickets, Instant)> = VecDeque::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            Some(tickets) = undecided.recv() => waiting.push_back((tickets, Instant::now() + state.limits.hold_ttl)),
            () = std::future::ready(()), if !waiting.is_empty() => {
                let Some((tickets, deadline)) = waiting.pop_front() else { continue };
                match has_reservation(&state, &tickets).await {
                    Ok(true) => {}
                    Ok(false) => state.seat_holds.release(&tickets).await,
                    Err(error) => {
                        tracing::warn!(
                            reservation.id = %tickets.reservation_id,
                            error.message = %error,
                            "cannot find out whether a hold was committed; asking again"
                        );
                        if Instant::now() < deadline {
                            waiting.push_back((tickets, deadline));
                        }
                        shutdown.sleep(PAUSE).await;
                    }
                }
            }
        }
    }
}
