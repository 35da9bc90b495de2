//! Holds that are put into Redis by what the database said a moment ago. The reservation may have ended since, or changed its
//! seats, and its own release in Redis may have come before ours went in. So whoever puts holds in looks again, and takes
//! away what is not the reservation's any more. If we die in between, such a hold stays until it expires.

use crate::{db, domain::Tickets, state::AppState};
use futures_util::future::join_all;
use sqlx::PgPool;
use std::{collections::HashSet, slice, time::Duration};
use uuid::Uuid;

/// Makes the seats the reservation's in Redis for `ttl` from now, where nobody else holds them and as far as the database
/// still has them for it. What fails here is logged and no more.
pub(crate) async fn keep(state: &AppState, tickets: &Tickets, ttl: Duration) {
    state.seat_holds.keep(tickets, ttl).await;
    if let Err(error) = release_strays(state, &state.pool, slice::from_ref(tickets)).await {
        tracing::warn!(
            reservation.id = %tickets.reservation_id,
            error.message = %error,
            "cannot tell whether a renewed hold still holds; if not, it expires"
        );
    }
}

/// Frees in Redis those of the seats that their reservations do not hold any more.
pub(crate) async fn release_strays(state: &AppState, pool: &PgPool, holds: &[Tickets]) -> Result<(), sqlx::Error> {
    let ids: Vec<Uuid> = holds.iter().map(|hold| hold.reservation_id).collect();
    let held: HashSet<(Uuid, Uuid)> = {
        let mut connection = pool.acquire().await?;
        db::seats_still_held(&mut connection, &ids).await?.into_iter().collect()
    };
    let strays: Vec<Tickets> = holds
        .iter()
        .map(|hold| hold.only(|seat_id| !held.contains(&(hold.reservation_id, *seat_id))))
        .filter(|strays| !strays.seat_ids.is_empty())
        .collect();
    join_all(strays.iter().map(|strays| state.seat_holds.release(strays))).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, seat_holds::Held};
    use outbox::Relay;
    use test_support::{Login, TestEnv};
    use tokio::sync::mpsc;

    #[tokio::test]
    async fn a_hold_whose_reservation_ended_meanwhile_is_not_kept() {
        let env = TestEnv::new().await;
        let config = Config::from_env(&env.env(Some(Login::Reservation))).unwrap();
        let pool = common::db::connect(&config.db).unwrap();
        let redis = common::redis::connect(&config.redis).unwrap();
        let relay = Relay::new(pool.clone(), &config.outbox.kafka, &config.outbox.relay).unwrap();
        let (undecided, _asked) = mpsc::unbounded_channel();
        let state = AppState::new(&config, pool.clone(), pool, redis, relay.outbox(), undecided).unwrap();

        // Read while it was pending, and cancelled since.
        let ended = Tickets {
            reservation_id: Uuid::now_v7(),
            user_id: Uuid::now_v7(),
            event_id: Uuid::now_v7(),
            seat_ids: vec![Uuid::now_v7(), Uuid::now_v7()],
        };
        let minutes = Duration::from_secs(300);
        keep(&state, &ended, minutes).await;
        let next = Tickets {
            reservation_id: Uuid::now_v7(),
            user_id: Uuid::now_v7(),
            ..ended
        };
        let held = state.seat_holds.hold(&next, minutes).await.unwrap();
        assert_eq!(held, Held::All { reused: false });
    }
}
