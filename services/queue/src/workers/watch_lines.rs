use crate::state::AppState;
use common::lifecycle::Shutdown;
use futures_util::{StreamExt, stream};
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// Lines read side by side.
const CONCURRENT: usize = 16;

/// Reads each watched line once a tick and shows it to everybody who watches it here.
pub(crate) async fn watch_lines(state: AppState, every: Duration, shutdown: Shutdown) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        stream::iter(state.streams.watched())
            .for_each_concurrent(CONCURRENT, |event| {
                let state = &state;
                async move {
                    match state.line.snapshot(event).await {
                        Ok(snapshot) => state.streams.show(event, snapshot),
                        // Who watches keeps the last one, and asks for his own place now and then.
                        Err(error) => {
                            tracing::debug!(event.id = %event, error.message = %error, "a line cannot be read");
                        }
                    }
                }
            })
            .await;
    }
}
