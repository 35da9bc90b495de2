//! What becomes of a paid booking: it is confirmed, and if that is the plan, cancelled and refunded.

use super::{LOOK_AGAIN, send};
use crate::{
    client::{Call, Reply},
    onsale::{
        plan::Conduct,
        sale::{Booking, Fate},
        waiter::{Buyer, may_pass},
    },
};
use rand::RngExt;
use serde_json::Value;
use std::{sync::atomic::Ordering, time::Duration};
use tokio::time::{Instant, sleep};

/// How long a confirmation or a refund may take: one whose reply was lost may be found out by the reconciler only, which looks
/// after a minute.
const SETTLED_WITHIN: Duration = Duration::from_secs(150);

/// Waits for what becomes of a paid booking; cancels it, if that is the plan.
pub(super) async fn settle(buyer: &mut Buyer, booking: Booking) -> Fate {
    let path = format!("/reservations/{}", booking.reservation);
    let waiting_path = format!("{path}?wait=10");
    let deadline = Instant::now() + SETTLED_WITHIN;
    loop {
        let view = view(buyer, "GET /reservations/{id}?wait", &waiting_path).await;
        match view["status"].as_str() {
            Some("CONFIRMED") => break,
            // Paid, too late, and refunded; that the money went back is the audit's.
            Some("CANCELLED") => return Fate::PlaceEnded,
            _ if Instant::now() > deadline => {
                let (number, reservation) = (buyer.number, booking.reservation);
                buyer
                    .sale
                    .violation(format!("buyer {number} paid and {reservation} is still pending"));
                return Fate::Failed;
            }
            _ => sleep(Duration::from_millis(200)).await,
        }
    }
    buyer.sale.counters.confirmed.fetch_add(1, Ordering::Relaxed);
    if buyer.plan.conduct != Conduct::Cancel {
        buyer.sale.ledger().bookings.push(booking);
        return Fate::Bought;
    }
    sleep(Duration::from_secs_f64(buyer.dice.random_range(0.2..2.0))).await;
    cancel(buyer, booking, &path, deadline).await
}

/// Cancels and waits for the money.
async fn cancel(buyer: &Buyer, booking: Booking, path: &str, deadline: Instant) -> Fate {
    let sale = &buyer.sale;
    loop {
        match send(buyer, Call::new("DELETE /reservations/{id}", path)).await {
            Ok(reply) if reply.status == 200 => break,
            Ok(reply) if !may_pass(&reply) => return Fate::Failed,
            _ if Instant::now() > deadline => return Fate::Failed,
            _ => sleep(LOOK_AGAIN).await,
        }
    }
    loop {
        let view = view(buyer, "GET /reservations/{id}", path).await;
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
async fn view(buyer: &Buyer, endpoint: &'static str, path: &str) -> Value {
    let reply = send(buyer, Call::new(endpoint, path)).await;
    reply
        .ok()
        .filter(Reply::is_success)
        .map(|reply| reply.json())
        .unwrap_or_default()
}
