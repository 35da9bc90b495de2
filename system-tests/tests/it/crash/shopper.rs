use super::{End, Journey};
use common::internal_auth::Service;
use serde_json::{Value, json};
use std::{future::Future, sync::Arc, time::Duration};
use system_tests::{Buyer, Hold, Outcome, Part, Sale, System};
use test_support::{Api, Reply};
use tokio::{sync::Mutex, time::Instant};
use uuid::Uuid;

/// How long a buyer tries: consumers are away for six seconds after a death, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(100);
const BETWEEN_TRIES: Duration = Duration::from_millis(150);
/// Impatience would open the services' circuit breakers towards each other, for a minute.
const LONGEST_WAIT: Duration = Duration::from_millis(1200);

/// A buyer who asks again, with the same key and the same seats, whenever there is no clear answer.
pub(super) struct Shopper {
    buyer: Buyer,
    sale: Sale,
    queue_token: String,
    seats: Vec<Uuid>,
    /// For what only a service may do.
    reservation_service: Api,
    heir: Arc<Mutex<Heir>>,
}

impl Shopper {
    /// A new buyer at the head of the line who wants the first two of these four seats, or the others on second thoughts.
    pub(super) async fn of(system: &System, sale: &Sale, seats: Vec<Uuid>, heir: Arc<Mutex<Heir>>) -> Self {
        let buyer = Buyer::register(system).await;
        let queue_token = queue(&buyer, sale).await;
        Self {
            buyer,
            sale: sale.clone(),
            queue_token,
            seats,
            reservation_service: Api::as_service(&system.url(Part::Reservation), Service::Payment),
            heir,
        }
    }

    /// The same buyer, calling another gateway.
    pub(super) fn through(self, gateway: &Api) -> Self {
        Self {
            buyer: self.buyer.through(gateway),
            ..self
        }
    }

    /// Goes the whole way and tells how it ended.
    pub(super) async fn walk(&self, journey: Journey) -> End {
        let wanted = self.seats[..2].to_vec();
        if journey == Journey::HoldAndLeave {
            let held = self.buyer.try_hold(&self.sale, &self.queue_token, &wanted).await;
            if let Some(id) = held.body["reservationId"].as_str() {
                // The sweep ends it; the heir would be quicker.
                let path = format!("/reservations/{id}");
                eventually("the hold has run out", || async {
                    let reply = insist(|| self.buyer.api().get(&path)).await.expect(200);
                    (reply["status"] == "CANCELLED").then_some(())
                })
                .await;
            }
            self.heir.lock().await.inherits(&wanted).await;
            return End::Free;
        }
        let hold = self.hold(&wanted).await;
        match journey {
            Journey::HoldAndLeave => {}
            Journey::HoldAndRelease => self.release(&hold).await,
            Journey::SwapAndRelease => {
                self.swap(&hold, &self.seats[2..]).await;
                self.release(&hold).await;
            }
            Journey::Pay => {
                let _bought = self.buy(&hold, &[Outcome::Pay]).await;
            }
            Journey::Declined => {
                let _declined = self.buy(&hold, &[Outcome::DeclinedOnConfirm]).await;
            }
            Journey::DeclinedThenPay => {
                let _bought = self.buy(&hold, &[Outcome::DeclinedOnConfirm, Outcome::Pay]).await;
            }
            Journey::PayAndCancel | Journey::PayAndRefundByHand if !self.buy(&hold, &[Outcome::Pay]).await => {}
            Journey::PayAndCancel => {
                // 409 PAYMENT_IN_PROGRESS until the reservation service has heard of the payment.
                let path = format!("/reservations/{}", hold.reservation_id);
                let reply = eventually("the reservation is cancelled", || async {
                    let reply = insist(|| self.buyer.api().delete(&path)).await;
                    (reply.status != 409).then_some(reply)
                })
                .await;
                assert_eq!(reply.expect(200)["refund"]["amount"], hold.amount);
            }
            Journey::PayAndRefundByHand => {
                let paid = self
                    .payments(&hold)
                    .await
                    .into_iter()
                    .find(|one| one["status"] == "SUCCESS");
                self.buyer
                    .refund_by_hand(&checkout_id(&paid.expect("a paid payment")))
                    .await;
            }
            Journey::LockedByNobody => {
                self.lock(&hold, Uuid::now_v7()).await;
                // 409 PAYMENT_IN_PROGRESS until the reservation service has found out.
                self.release(&hold).await;
            }
            Journey::LockedByTheDead => {
                let dead = self.begin_payment(&hold, Uuid::new_v4()).await;
                let _living = self.begin_payment(&hold, Uuid::new_v4()).await;
                let dead = dead["paymentId"].as_str().expect("an id").parse().expect("an id");
                self.lock(&hold, dead).await;
            }
        }
        self.end(&hold).await
    }

    async fn hold(&self, seats: &[Uuid]) -> Hold {
        let reply = insist(|| self.buyer.try_hold(&self.sale, &self.queue_token, seats)).await;
        assert!(reply.status.is_success(), "{reply:?}");
        let text = |name: &str| reply.body[name].as_str().unwrap_or_default().to_owned();
        let mut hold = Hold {
            reservation_id: text("reservationId").parse().expect("an id"),
            amount: reply.body["totalAmount"].as_i64().expect("an amount"),
            payment_token: text("paymentToken"),
            seat_ids: seats.to_vec(),
        };
        if hold.payment_token.is_empty() {
            let path = format!("/reservations/hold/{}/payment-token", hold.reservation_id);
            let nothing = json!({});
            let fresh = insist(|| self.buyer.api().post(&path, &nothing)).await;
            assert!(fresh.status.is_success(), "{fresh:?}");
            fresh.body["paymentToken"]
                .as_str()
                .expect("a token")
                .clone_into(&mut hold.payment_token);
        }
        hold
    }

    async fn swap(&self, hold: &Hold, seats: &[Uuid]) {
        let path = format!("/reservations/hold/{}", hold.reservation_id);
        let body = json!({"seatIds": seats});
        let _swapped = insist(|| self.buyer.api().put(&path, &body)).await.expect(200);
    }

    async fn release(&self, hold: &Hold) {
        let path = format!("/reservations/hold/{}", hold.reservation_id);
        eventually("the hold is released", || async {
            let reply = insist(|| self.buyer.api().delete(&path)).await;
            (reply.status != 409).then(|| reply.expect(204))
        })
        .await;
    }

    /// Takes the payment lock as the payment service would.
    async fn lock(&self, hold: &Hold, payment: Uuid) {
        let path = format!("/internal/reservations/{}/payment-lock", hold.reservation_id);
        let owner = insist(|| self.buyer.api().get("/users/me")).await.expect(200);
        let user = owner["id"].as_str().expect("an id");
        let body = json!({"paymentId": payment, "userId": user, "amount": hold.amount});
        let _locked = insist(|| self.reservation_service.post(&path, &body)).await.expect(200);
    }

    async fn begin_payment(&self, hold: &Hold, key: Uuid) -> Value {
        let reply = insist(|| self.buyer.create_payment(hold, key)).await;
        assert!(reply.status.is_success(), "{reply:?}");
        reply.body
    }

    /// Pays with one card after the other, and with the last one until an answer is final. A payment that ended uncharged
    /// while the seats are still held is begun again, as one would. Whether it was paid in the end.
    async fn buy(&self, hold: &Hold, cards: &[Outcome]) -> bool {
        let mut cards = cards.iter();
        let mut card = *cards.next().expect("a card");
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "cannot buy {hold:?}");
            let key = Uuid::new_v4();
            let begun = insist(|| self.buyer.create_payment(hold, key)).await;
            if begun.status == 409 && begun.body["code"] == "PAYMENT_IN_PROGRESS" {
                tokio::time::sleep(BETWEEN_TRIES).await;
                continue;
            }
            if !begun.status.is_success() {
                // The reservation is over; how is looked at in the end.
                return false;
            }
            let token = self.buyer.window(&checkout_id(&begun.body), card).await;
            let confirmed = insist(|| self.buyer.confirm(key, &token)).await;
            let payment = begun.body["paymentId"].as_str().expect("an id").to_owned();
            let status = self.outcome(&payment).await;
            if confirmed.status == 200 {
                assert!(
                    ["SUCCESS", "REFUNDED"].contains(&status.as_str()),
                    "{status}: {confirmed:?}"
                );
            }
            if status != "FAILED" {
                return true;
            }
            if let Some(next) = cards.next() {
                card = *next;
            } else if card == Outcome::DeclinedOnConfirm {
                return false;
            }
        }
    }

    /// Polls a payment until it has ended.
    async fn outcome(&self, payment: &str) -> String {
        let path = format!("/payments/{payment}");
        eventually("the payment has ended", || async {
            let body = insist(|| self.buyer.api().get(&path)).await.expect(200);
            let status = body["status"].as_str()?.to_owned();
            (status != "PENDING").then_some(status)
        })
        .await
    }

    async fn payments(&self, hold: &Hold) -> Vec<Value> {
        let path = format!("/payments?reservationId={}", hold.reservation_id);
        let page = insist(|| self.buyer.api().get(&path)).await.expect(200);
        page["content"].as_array().expect("a page of payments").clone()
    }

    /// Waits until the reservation is over one way or the other and everybody agrees how.
    async fn end(&self, hold: &Hold) -> End {
        let path = format!("/reservations/{}", hold.reservation_id);
        let end = eventually(&format!("{} is at its end", hold.reservation_id), || async {
            let reservation = insist(|| self.buyer.api().get(&path)).await.expect(200);
            let (captured, cancelled) = self.money(hold).await;
            match reservation["status"].as_str()? {
                "CONFIRMED" if captured == hold.amount && cancelled == 0 => Some(End::Confirmed),
                "CANCELLED" if captured == 0 => Some(End::Free),
                "CANCELLED" if captured == cancelled => Some(End::Refunded),
                _ => None,
            }
        })
        .await;
        if end == End::Confirmed {
            assert_eq!(self.seat_status(hold.seat_ids[0]).await, "SOLD");
        } else {
            self.heir.lock().await.inherits(&self.seats).await;
        }
        end
    }

    async fn seat_status(&self, seat: Uuid) -> String {
        let path = format!("/reservations/seats/{}", self.sale.event_id);
        let map = insist(|| self.buyer.api().get(&path)).await.expect(200);
        let mut seats = map["seats"].as_array().expect("seats").iter();
        let found = seats
            .find(|entry| entry["id"] == json!(seat))
            .expect("the seat is on the map");
        found["status"].as_str().expect("a status").to_owned()
    }

    /// What PortOne took and gave back for the reservation, over all its payments.
    async fn money(&self, hold: &Hold) -> (i64, i64) {
        let ours: Vec<String> = self.payments(hold).await.iter().map(checkout_id).collect();
        let ledger = self.buyer.ledger().await;
        let rows = ledger.as_array().expect("a list").iter();
        let of_ours = rows.filter(|row| ours.iter().any(|id| row["paymentId"] == json!(id)));
        of_ours.fold((0, 0), |(captured, cancelled), row| {
            let number = |name: &str| row[name].as_i64().expect("a number");
            (captured + number("captured"), cancelled + number("cancelled"))
        })
    }
}

/// Somebody who wants the seats that others leave: whether they are free is seen by taking them.
pub(super) struct Heir {
    buyer: Buyer,
    sale: Sale,
    queue_token: String,
}

impl Heir {
    pub(super) async fn of(system: &System, sale: &Sale) -> Self {
        let buyer = Buyer::register(system).await;
        let queue_token = queue(&buyer, sale).await;
        Self {
            buyer,
            sale: sale.clone(),
            queue_token,
        }
    }

    pub(super) async fn free_seats(&self, count: usize) -> Vec<Uuid> {
        self.buyer.free_seats(&self.sale, count).await
    }

    /// Takes the seats as soon as they can be had, and gives them back.
    async fn inherits(&self, seats: &[Uuid]) {
        let held = eventually(&format!("{seats:?} are free"), || async {
            let reply = insist(|| self.buyer.try_hold(&self.sale, &self.queue_token, seats)).await;
            (reply.status != 409).then_some(reply)
        })
        .await;
        assert!(held.status.is_success(), "{held:?}");
        let path = format!(
            "/reservations/hold/{}",
            held.body["reservationId"].as_str().expect("an id")
        );
        let reply = insist(|| self.buyer.api().delete(&path)).await;
        let () = drop(reply.expect(204));
    }
}

/// Enters the line and waits for admission, whatever is down just now.
async fn queue(buyer: &Buyer, sale: &Sale) -> String {
    let body = json!({"eventId": sale.event_id});
    let _place = insist(|| buyer.api().post("/queue/enter", &body)).await.expect(200);
    buyer.admitted(sale).await
}

/// As `test_support::eventually`, without hurry: the machine has enough to do.
async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, condition: impl Fn() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
}

/// Asks until the answer is an answer.
pub(super) async fn insist<F: Future<Output = Reply>>(ask: impl Fn() -> F) -> Reply {
    let deadline = Instant::now() + PATIENCE;
    let mut wait = BETWEEN_TRIES;
    loop {
        let reply = ask().await;
        if !reply.status.is_server_error() && reply.status != 429 {
            return reply;
        }
        assert!(Instant::now() < deadline, "never an answer: {reply:?}");
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// What PortOne calls a payment.
fn checkout_id(payment: &Value) -> String {
    payment["paymentId"].as_str().expect("an id").replace('-', "")
}
