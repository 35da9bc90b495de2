//! A buyer who was admitted: looks, holds, pays, and whatever else is planned.
//!
//! | module | what |
//! |---|---|
//! | `choosing` | from the map to seats that are held |
//! | `paying` | from the hold to the answer of the confirmation |
//! | `settling` | what becomes of a paid booking, its cancellation included |

mod choosing;
mod paying;
mod settling;

use self::paying::Paid;
use super::{
    plan::Conduct,
    sale::{Fate, Gauge},
    waiter::Buyer,
};
use crate::client::{Call, Reply};
use rand::RngExt;
use std::{io, sync::Arc, time::Duration};
use tokio::time::Instant;

/// How long somebody looks for seats before giving up.
const PATIENCE: Duration = Duration::from_secs(40);
/// Between two attempts at what cannot be had right now, such as seats of a hall in which every seat is held.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How long the network takes to swallow a reply.
const TUNNEL: Duration = Duration::from_millis(30);

/// Lives from the admission to the end.
pub(super) async fn shop(buyer: &mut Buyer, token: &str) -> Fate {
    let sale = Arc::clone(&buyer.sale);
    let mut declines = buyer.plan.conduct == Conduct::Decline;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let hold = match choosing::choose(buyer, token, deadline).await {
            Ok(hold) => hold,
            Err(fate) => return fate,
        };
        let _holding = Gauge::up(&sale.counters.holding);
        if buyer.plan.conduct == Conduct::Abandon {
            return Fate::Abandoned;
        }
        match paying::pay(buyer, &hold, declines).await {
            Paid::Yes => return settling::settle(buyer, hold.booking()).await,
            Paid::Declined if buyer.dice.random_bool(0.5) => {
                buyer.leave().await;
                return Fate::Declined;
            }
            // Another card, and other seats: these are free for everybody now.
            Paid::Declined => declines = false,
            Paid::TooLate => {}
        }
        if Instant::now() > deadline {
            buyer.leave().await;
            return Fate::PlaceEnded;
        }
    }
}

/// Sends a request as this buyer.
async fn send<'a>(buyer: &'a Buyer, call: Call<'a>) -> io::Result<Reply> {
    buyer.sale.world.gateway().send(call.bearer(&buyer.account.token)).await
}

/// Sends a request as this buyer, and its reply is lost on the way: whatever came of it is unknown.
async fn send_into_tunnel<'a>(buyer: &'a Buyer, call: Call<'a>) {
    let call = call.bearer(&buyer.account.token);
    let _unknown = buyer.sale.world.gateway().send_and_hang_up(call, TUNNEL).await;
}
