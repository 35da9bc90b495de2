//! From the hold to the answer of the confirmation.

use super::{choosing::Hold, send, send_into_tunnel};
use crate::{
    client::{Call, Reply},
    onsale::waiter::{Buyer, may_pass},
};
use serde_json::{Value, json};
use std::{sync::atomic::Ordering, time::Duration};
use tokio::time::sleep;
use uuid::Uuid;

/// How often somebody whose hold came without a payment token asks for one.
const TOKEN_TRIES: u32 = 3;

/// What trying to pay came to.
pub(super) enum Paid {
    /// The payment succeeded, or will be found out to have.
    Yes,
    Declined,
    /// The hold was over, or it cannot go on for another reason: choose again.
    TooLate,
}

/// Pays for the hold, with a card that `declines` or one that does not.
pub(super) async fn pay(buyer: &Buyer, hold: &Hold, declines: bool) -> Paid {
    let key = Uuid::new_v4();
    match create(buyer, hold, key, declines).await {
        Some(token) => confirm(buyer, key, &token).await,
        // The hold ends by itself.
        None => Paid::TooLate,
    }
}

/// Creates the payment and goes through its window; gives what the window gave for the confirmation.
async fn create(buyer: &Buyer, hold: &Hold, key: Uuid, declines: bool) -> Option<Value> {
    let token = payment_token(buyer, hold).await?;
    let body = json!({"reservationId": hold.reservation_id, "paymentKey": key, "paymentMethod": "CARD"});
    let ask = || {
        Call::new("POST /payments", "/payments")
            .header("x-queue-token", &token)
            .json(&body)
    };
    let mut reply = send(buyer, ask()).await;
    if buyer.plan.twice || reply.is_err() {
        // The same key again is the same payment.
        reply = send(buyer, ask()).await;
    }
    let payment = reply.ok().filter(Reply::is_success)?.json();
    if payment["amount"] != json!(hold.total_amount) {
        buyer.sale.violation(format!(
            "{} shall cost another amount than was held",
            hold.reservation_id
        ));
    }
    // The same key again may show a payment that has ended with its hold; there is no window for it.
    let checkout = payment["checkout"]["paymentId"].as_str()?;
    let outcome = if declines { "PAY_DECLINED_ON_CONFIRM" } else { "PAY" };
    let path = format!("/control/portone/payments/{checkout}/window");
    let window = Call::new("POST /control/portone/payments/{id}/window", &path).json(&json!({"outcome": outcome}));
    let reply = buyer.sale.world.simulators().send(window).await;
    let window = reply.ok().filter(Reply::is_success)?.json();
    Some(window["paymentToken"].clone())
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
        let call = Call::new("POST /reservations/hold/{id}/payment-token", &path);
        token = send(buyer, call)
            .await
            .ok()
            .filter(Reply::is_success)
            .and_then(|reply| reply.json()["paymentToken"].as_str().map(str::to_owned));
    }
    token
}

async fn confirm(buyer: &Buyer, key: Uuid, token: &Value) -> Paid {
    let sale = &buyer.sale;
    let body = json!({"paymentKey": key, "paymentToken": token});
    let ask = || Call::new("POST /payments/confirm", "/payments/confirm").json(&body);
    if buyer.plan.loses_replies {
        send_into_tunnel(buyer, ask()).await;
    }
    let mut reply = send(buyer, ask()).await;
    if buyer.plan.twice || reply.as_ref().map_or(true, may_pass) {
        // It may be repeated: a payment is charged at most once.
        let again = send(buyer, ask()).await;
        let succeeded = reply.as_ref().is_ok_and(|reply| reply.status == 200);
        if let Ok(again) = &again
            && succeeded
            && again.status != 200
        {
            sale.violation(format!("payment {key} succeeded and then was {}", again.status));
        }
        if !succeeded {
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
