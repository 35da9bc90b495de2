use crate::{domain::Tickets, state::AppState, undecided::settle};
use common::lifecycle::Shutdown;
use std::{collections::VecDeque, time::Duration};
use tokio::{sync::mpsc, time::Instant};

/// How long to leave a database alone that could not tell.
const PAUSE: Duration = Duration::from_secs(1);

/// Finds out about holds and swaps whose request ended before it knew what the database has: the buyer hung up, or the reply
/// to COMMIT was lost. The seats that the reservation has stay, the others are freed in Redis. After the hold's time Redis
/// has freed them by itself, and there is nothing left to find out.
pub(crate) async fn settle_holds(state: AppState, mut undecided: mpsc::UnboundedReceiver<Tickets>, shutdown: Shutdown) {
    let mut waiting: VecDeque<(Tickets, Instant)> = VecDeque::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            Some(tickets) = undecided.recv() => waiting.push_back((tickets, Instant::now() + state.limits.hold_ttl)),
            () = std::future::ready(()), if !waiting.is_empty() => {
                let Some((tickets, deadline)) = waiting.pop_front() else { continue };
                if let Err(error) = settle(&state, &tickets).await {
                    tracing::warn!(
                        reservation.id = %tickets.reservation_id,
                        error.message = %error,
                        "cannot find out whether a hold or swap was committed; asking again"
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
