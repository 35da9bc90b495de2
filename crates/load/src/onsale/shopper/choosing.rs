//! From the map of the hall to seats that are held.

use super::{LOOK_AGAIN, send, send_into_tunnel};
use crate::{
    client::{Call, Reply},
    onsale::{
        plan::thinking,
        sale::{Booking, Fate},
        waiter::{Buyer, may_pass},
    },
};
use serde::Deserialize;
use serde_json::json;
use std::{io, time::Duration};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

#[derive(Deserialize)]
struct Map {
    seats: Vec<Seat>,
}

impl Map {
    /// The seats that can be had, in the hall's order.
    fn free(&self) -> Vec<Uuid> {
        let free = self.seats.iter().filter(|seat| seat.status == SeatStatus::Available);
        free.map(|seat| seat.id).collect()
    }
}

#[derive(Deserialize)]
struct Seat {
    id: Uuid,
    status: SeatStatus,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum SeatStatus {
    Available,
    Hold,
    Sold,
}

/// Seats that this buyer has, for a while.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hold {
    pub(super) reservation_id: Uuid,
    pub(super) total_amount: i64,
    /// Missing if it could not be made with the hold.
    pub(super) payment_token: Option<String>,
    seats: Vec<HeldSeat>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HeldSeat {
    seat_id: Uuid,
}

impl Hold {
    /// What the buyer has once it is paid.
    pub(super) fn booking(&self) -> Booking {
        Booking {
            reservation: self.reservation_id,
            seats: self.seats().collect(),
            amount: self.total_amount,
        }
    }

    fn seats(&self) -> impl Iterator<Item = Uuid> {
        self.seats.iter().map(|seat| seat.seat_id)
    }
}

/// Looks at the map, thinks, and asks for seats until some are held; or how it ended without. Who was not quick enough looks at
/// a new map first, and thinks again.
pub(super) async fn choose(buyer: &mut Buyer, token: &str, deadline: Instant) -> Result<Hold, Fate> {
    let mut lost = 0;
    loop {
        if Instant::now() > deadline {
            buyer.leave().await;
            return Err(Fate::PlaceEnded);
        }
        let Some(map) = look(buyer).await? else {
            sleep(LOOK_AGAIN).await;
            continue;
        };
        if map.seats.iter().all(|seat| seat.status == SeatStatus::Sold) {
            buyer.leave().await;
            return Err(Fate::SoldOut);
        }
        let free = map.free();
        if free.is_empty() {
            // Every seat is held; some will fall free.
            sleep(LOOK_AGAIN).await;
            continue;
        }
        sleep(thinking(&mut buyer.dice)).await;
        let wish = &free[buyer.plan.wish(free.len(), lost, &mut buyer.dice)];
        if let Some(hold) = hold(buyer, token, wish).await? {
            return Ok(hold);
        }
        lost += 1;
    }
}

/// The map; none if it cannot be seen right now.
async fn look(buyer: &Buyer) -> Result<Option<Map>, Fate> {
    let call = Call::new("GET /reservations/seats/{id}", &buyer.sale.seats_path);
    match send(buyer, call).await {
        Ok(reply) if reply.status == 200 => Ok(reply.parse()),
        Ok(reply) if !may_pass(&reply) => Err(Fate::Failed),
        _ => Ok(None),
    }
}

/// Asks for seats; none if somebody else was quicker.
async fn hold(buyer: &Buyer, token: &str, seats: &[Uuid]) -> Result<Option<Hold>, Fate> {
    let (reply, other) = ask(buyer, token, seats).await;
    let held = |reply: &Reply| reply.is_success().then(|| reply.parse::<Hold>()).flatten();
    let first = reply.as_ref().ok().and_then(held);
    let second = other.as_ref().and_then(held);
    if let (Some(first), Some(second)) = (&first, &second)
        && first.reservation_id != second.reservation_id
    {
        let number = buyer.number;
        buyer.sale.violation(format!(
            "buyer {number} clicked twice and has two reservations of the same seats"
        ));
    }
    if let Some(hold) = first.or(second) {
        compare(buyer, &hold, seats);
        return Ok(Some(hold));
    }
    let Ok(reply) = reply else {
        sleep(Duration::from_millis(500)).await;
        return Ok(None);
    };
    match (reply.status, reply.code()) {
        (409, Some("SEAT_UNAVAILABLE")) => Ok(None),
        // The place has ended, for being too slow.
        (403, _) => Err(Fate::PlaceEnded),
        (status, _) if status == 409 || may_pass(&reply) => {
            sleep(LOOK_AGAIN).await;
            Ok(None)
        }
        _ => Err(Fate::Failed),
    }
}

/// Sends the wish as often as is planned; gives the reply, and that of a second click at the same moment, if one came.
async fn ask(buyer: &Buyer, token: &str, seats: &[Uuid]) -> (io::Result<Reply>, Option<Reply>) {
    let body = json!({"eventId": buyer.sale.event, "seatIds": seats});
    let click = || {
        Call::new("POST /reservations/hold", "/reservations/hold")
            .header("x-queue-token", token)
            .json(&body)
    };
    if buyer.plan.loses_replies {
        // Whatever came of it, the same seats again give the same reservation.
        send_into_tunnel(buyer, click()).await;
    }
    if buyer.plan.twice {
        let (reply, other) = tokio::join!(send(buyer, click()), send(buyer, click()));
        (reply, other.ok())
    } else {
        (send(buyer, click()).await, None)
    }
}

/// A hold has all the seats that were asked for, and no others.
fn compare(buyer: &Buyer, hold: &Hold, seats: &[Uuid]) {
    let mut has: Vec<Uuid> = hold.seats().collect();
    let mut wanted = seats.to_vec();
    has.sort_unstable();
    wanted.sort_unstable();
    if has != wanted {
        buyer.sale.violation(format!(
            "reservation {} has other seats than asked for",
            hold.reservation_id
        ));
    }
}
