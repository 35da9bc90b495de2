//! A buyer who was admitted: looks, holds, pays, and whatever else is planned.

use super::{
    plan::Conduct,
    sale::{Booking, Fate, Gauge},
    waiter::{Buyer, may_pass},
};
use crate::client::{Call, Reply};
use rand::RngExt;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{sync::atomic::Ordering, time::Duration};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// How long somebody looks for seats before giving up.
const PATIENCE: Duration = Duration::from_secs(40);
/// Between two looks at a hall in which every seat is held.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How long a confirmation or a refund may take: one whose reply was lost may be found out by the reconciler only, which looks
/// after a minute.
const SETTLED_WITHIN: Duration = Duration::from_secs(150);
/// Those who race want some of the first free seats.
const FRONT: usize = 12;
/// How often somebody whose hold came without a payment token asks for one.
const TOKEN_TRIES: u32 = 3;
/// How long the network takes to swallow a reply.
const TUNNEL: Duration = Duration::from_millis(30);

#[derive(Deserialize)]
struct Map {
    seats: Vec<Seat>,
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hold {
    reservation_id: Uuid,
    total_amount: i64,
    payment_token: Option<String>,
    seats: Vec<HeldSeat>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HeldSeat {
    seat_id: Uuid,
}

/// What trying to pay came to.
enum Paid {
    /// The payment succeeded, or will be found out to have.
    Yes,
    Declined,
    /// The hold was over, or it cannot go on for another reason: choose again.
    TooLate,
}

/// What looking for seats came to.
enum Choice {
    Held(Hold),
    Ended(Fate),
}

/// Lives from the admission to the end.
pub(super) async fn shop(buyer: &mut Buyer, token: &str) -> Fate {
    let mut declines = buyer.plan.conduct == Conduct::Decline;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let hold = match choose(buyer, token, deadline).await {
            Choice::Held(hold) => hold,
            Choice::Ended(fate) => return fate,
        };
        let sale = std::sync::Arc::clone(&buyer.sale);
        let _holding = Gauge::up(&sale.counters.holding);
        if buyer.plan.conduct == Conduct::Abandon {
            return Fate::Abandoned;
        }
        let booking = Booking {
            reservation: hold.reservation_id,
            seats: hold.seats.iter().map(|seat| seat.seat_id).collect(),
            amount: hold.total_amount,
        };
        match pay(buyer, &hold, declines).await {
            Paid::Yes => return settle(buyer, booking).await,
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

/// Looks at the map and asks for seats until some are held.
async fn choose(buyer: &mut Buyer, token: &str, deadline: Instant) -> Choice {
    let sale = std::sync::Arc::clone(&buyer.sale);
    loop {
        if Instant::now() > deadline {
            buyer.leave().await;
            return Choice::Ended(Fate::SoldOut);
        }
        let call = Call::new("GET /reservations/seats/{id}", &sale.seats_path).bearer(&buyer.account.token);
        let map = match sale.world.gateway().send(call).await {
            Ok(reply) if reply.status == 200 => reply.parse::<Map>(),
            Ok(reply) if !may_pass(&reply) => return Choice::Ended(Fate::Failed),
            _ => None,
        };
        let Some(map) = map else {
            sleep(LOOK_AGAIN).await;
            continue;
        };
        if map.seats.iter().all(|seat| seat.status == SeatStatus::Sold) {
            buyer.leave().await;
            return Choice::Ended(Fate::SoldOut);
        }
        let wish = wish(buyer, &map);
        if wish.is_empty() {
            // Every seat is held; some will fall free.
            sleep(LOOK_AGAIN).await;
            continue;
        }
        match hold(buyer, token, &wish).await {
            Ok(Some(hold)) => return Choice::Held(hold),
            Ok(None) => {}
            Err(fate) => return Choice::Ended(fate),
        }
    }
}

/// Seats side by side, if there are.
fn wish(buyer: &mut Buyer, map: &Map) -> Vec<Uuid> {
    let free: Vec<Uuid> = map
        .seats
        .iter()
        .filter(|seat| seat.status == SeatStatus::Available)
        .map(|seat| seat.id)
        .collect();
    let count = buyer.plan.seats.min(free.len());
    let choices = free.len() - count + 1;
    let choices = if buyer.plan.races { choices.min(FRONT) } else { choices };
    let from = buyer.dice.random_range(0..choices);
    free.into_iter().skip(from).take(count).collect()
}

/// Asks for seats; none if somebody else was quicker.
async fn hold(buyer: &Buyer, token: &str, seats: &[Uuid]) -> Result<Option<Hold>, Fate> {
    let sale = &buyer.sale;
    let body = json!({"eventId": sale.event, "seatIds": seats});
    let ask = || {
        Call::new("POST /reservations/hold", "/reservations/hold")
            .bearer(&buyer.account.token)
            .header("x-queue-token", token)
            .json(&body)
    };
    if buyer.plan.loses_replies {
        // Whatever came of it, the same seats again give the same reservation.
        let _unknown = sale.world.gateway().send_and_hang_up(ask(), TUNNEL).await;
    }
    let (reply, other) = if buyer.plan.twice {
        let (reply, other) = tokio::join!(sale.world.gateway().send(ask()), sale.world.gateway().send(ask()));
        (reply, other.ok())
    } else {
        (sale.world.gateway().send(ask()).await, None)
    };
    let held = |reply: &Reply| reply.is_success().then(|| reply.parse::<Hold>()).flatten();
    let first = reply.as_ref().ok().and_then(held);
    let second = other.as_ref().and_then(held);
    if let (Some(first), Some(second)) = (&first, &second)
        && first.reservation_id != second.reservation_id
    {
        let number = buyer.number;
        sale.violation(format!(
            "buyer {number} clicked twice and has two reservations of the same seats"
        ));
    }
    if let Some(hold) = first.or(second) {
        let mut has: Vec<Uuid> = hold.seats.iter().map(|seat| seat.seat_id).collect();
        let mut wanted = seats.to_vec();
        has.sort_unstable();
        wanted.sort_unstable();
        if has != wanted {
            sale.violation(format!(
                "reservation {} has other seats than asked for",
                hold.reservation_id
            ));
        }
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
        (409, _) => {
            sleep(LOOK_AGAIN).await;
            Ok(None)
        }
        _ if may_pass(&reply) => {
            sleep(LOOK_AGAIN).await;
            Ok(None)
        }
        _ => Err(Fate::Failed),
    }
}

/// From the hold to the answer of the confirmation.
async fn pay(buyer: &Buyer, hold: &Hold, declines: bool) -> Paid {
    let sale = &buyer.sale;
    let Some(payment_token) = &payment_token(buyer, hold).await else {
        // The hold ends by itself.
        return Paid::TooLate;
    };
    let key = Uuid::new_v4();
    let body = json!({"reservationId": hold.reservation_id, "paymentKey": key, "paymentMethod": "CARD"});
    let create = || {
        Call::new("POST /payments", "/payments")
            .bearer(&buyer.account.token)
            .header("x-queue-token", payment_token)
            .json(&body)
    };
    let mut reply = sale.world.gateway().send(create()).await;
    if buyer.plan.twice || reply.is_err() {
        // The same key again is the same payment.
        reply = sale.world.gateway().send(create()).await;
    }
    let Some(payment) = reply.ok().filter(Reply::is_success).map(|reply| reply.json()) else {
        return Paid::TooLate;
    };
    if payment["amount"] != json!(hold.total_amount) {
        sale.violation(format!(
            "{} shall cost another amount than was held",
            hold.reservation_id
        ));
    }
    let outcome = if declines { "PAY_DECLINED_ON_CONFIRM" } else { "PAY" };
    // The same key again may show a payment that has ended with its hold; there is no window for it.
    let Some(checkout) = payment["checkout"]["paymentId"].as_str() else {
        return Paid::TooLate;
    };
    let path = format!("/control/portone/payments/{checkout}/window");
    let window = Call::new("POST /control/portone/payments/{id}/window", &path).json(&json!({"outcome": outcome}));
    let Some(window) = sale
        .world
        .simulators()
        .send(window)
        .await
        .ok()
        .filter(Reply::is_success)
    else {
        return Paid::TooLate;
    };
    confirm(buyer, key, &window.json()["paymentToken"]).await
}

/// The token for paying; asked for again if none could be made with the hold.
async fn payment_token(buyer: &Buyer, hold: &Hold) -> Option<String> {
    let path = format!("/reservations/hold/{}/payment-token", hold.reservation_id);
    let mut token = hold.payment_token.clone();
    for _ in 0..TOKEN_TRIES {
        if token.is_some() {
            break;
        }
        sleep(Duration::from_secs(1)).await;
        let call = Call::new("POST /reservations/hold/{id}/payment-token", &path).bearer(&buyer.account.token);
        let reply = buyer.sale.world.gateway().send(call).await.ok();
        token = reply
            .filter(Reply::is_success)
            .and_then(|reply| reply.json()["paymentToken"].as_str().map(str::to_owned));
    }
    token
}

async fn confirm(buyer: &Buyer, key: Uuid, token: &Value) -> Paid {
    let sale = &buyer.sale;
    let body = json!({"paymentKey": key, "paymentToken": token});
    let ask = || {
        Call::new("POST /payments/confirm", "/payments/confirm")
            .bearer(&buyer.account.token)
            .json(&body)
    };
    if buyer.plan.loses_replies {
        let _unknown = sale.world.gateway().send_and_hang_up(ask(), TUNNEL).await;
    }
    let mut reply = sale.world.gateway().send(ask()).await;
    if buyer.plan.twice || reply.as_ref().map_or(true, may_pass) {
        // It may be repeated: a payment is charged at most once.
        let again = sale.world.gateway().send(ask()).await;
        if let (Ok(first), Ok(again)) = (&reply, &again)
            && first.status == 200
            && again.status != 200
        {
            sale.violation(format!("payment {key} succeeded and then was {}", again.status));
        }
        if !matches!(&reply, Ok(reply) if reply.status == 200) {
            reply = again;
        }
    }
    match reply {
        Ok(reply) if reply.is_success() => {
            if reply.status == 200 {
                sale.counters.paid.fetch_add(1, Ordering::Relaxed);
            }
            Paid::Yes
        }
        Ok(reply) if reply.status == 402 => Paid::Declined,
        Ok(reply) if reply.status == 409 => Paid::TooLate,
        // Unknown: the reservation will tell.
        _ => Paid::Yes,
    }
}

/// Waits for what becomes of a paid booking; cancels it, if that is the plan.
async fn settle(buyer: &mut Buyer, booking: Booking) -> Fate {
    let sale = std::sync::Arc::clone(&buyer.sale);
    let path = format!("/reservations/{}", booking.reservation);
    let waiting_path = format!("{path}?wait=10");
    let deadline = Instant::now() + SETTLED_WITHIN;
    let status = loop {
        let view = view(buyer, &waiting_path).await;
        match view["status"].as_str() {
            Some("CONFIRMED") => break "CONFIRMED",
            Some("CANCELLED") => break "CANCELLED",
            _ if Instant::now() > deadline => break "PENDING",
            _ => sleep(Duration::from_millis(200)).await,
        }
    };
    if status == "CANCELLED" {
        // Paid, too late, and refunded; that the money went back is the audit's.
        return Fate::PlaceEnded;
    }
    if status != "CONFIRMED" {
        let (number, reservation) = (buyer.number, booking.reservation);
        sale.violation(format!("buyer {number} paid and {reservation} is still pending"));
        return Fate::Failed;
    }
    sale.counters.confirmed.fetch_add(1, Ordering::Relaxed);
    if buyer.plan.conduct != Conduct::Cancel {
        sale.ledger().bookings.push(booking);
        return Fate::Bought;
    }
    sleep(Duration::from_secs_f64(buyer.dice.random_range(0.2..2.0))).await;
    cancel(buyer, booking, &path, deadline).await
}

/// Cancels and waits for the money.
async fn cancel(buyer: &Buyer, booking: Booking, path: &str, deadline: Instant) -> Fate {
    let sale = &buyer.sale;
    loop {
        let call = Call::new("DELETE /reservations/{id}", path).bearer(&buyer.account.token);
        match sale.world.gateway().send(call).await {
            Ok(reply) if reply.status == 200 => break,
            Ok(reply) if !may_pass(&reply) => return Fate::Failed,
            _ if Instant::now() > deadline => return Fate::Failed,
            _ => sleep(LOOK_AGAIN).await,
        }
    }
    loop {
        let view = view(buyer, path).await;
        if view["refund"]["status"] == "SUCCEEDED" {
            break;
        }
        if Instant::now() > deadline {
            sale.violation(format!("{} was cancelled and is not refunded", booking.reservation));
            return Fate::Failed;
        }
        sleep(Duration::from_millis(500)).await;
    }
    sale.ledger().cancelled.push(booking);
    Fate::Refunded
}

/// The reservation as its owner sees it; null if it cannot be read right now.
async fn view(buyer: &Buyer, path: &str) -> Value {
    let call = Call::new(
        if path.contains('?') {
            "GET /reservations/{id}?wait"
        } else {
            "GET /reservations/{id}"
        },
        path,
    );
    let reply = buyer.sale.world.gateway().send(call.bearer(&buyer.account.token)).await;
    reply
        .ok()
        .filter(Reply::is_success)
        .map(|reply| reply.json())
        .unwrap_or_default()
}
