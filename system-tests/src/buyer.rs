use crate::{Sale, System};
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use test_support::{Api, Reply, eventually};
use uuid::Uuid;

const PASSWORD: &str = "Buyer-pass-1!";
const PATIENCE: Duration = Duration::from_secs(90);

/// Telephone numbers are handed out one by one; nothing else about a buyer needs to differ.
static NEXT_PHONE: AtomicU32 = AtomicU32::new(1);

/// A registered and signed-in buyer.
#[derive(Clone)]
pub struct Buyer {
    api: Api,
    token: String,
    control: Api,
}

/// Seats held for a buyer.
#[derive(Clone, Debug)]
pub struct Hold {
    /// The reservation.
    pub reservation_id: Uuid,
    /// What it costs, in won.
    pub amount: i64,
    /// The `qp_` token.
    pub payment_token: String,
    /// The seats.
    pub seat_ids: Vec<Uuid>,
}

impl Hold {
    fn read(reply: &Value, seats: &[Uuid]) -> Self {
        Self {
            reservation_id: text(&reply["reservationId"]).parse().expect("an id"),
            amount: reply["totalAmount"].as_i64().expect("an amount"),
            payment_token: text(&reply["paymentToken"]).to_owned(),
            seat_ids: seats.to_vec(),
        }
    }
}

/// What the buyer does in PortOne's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Pays.
    Pay,
    /// Pays with a card that is declined at the confirmation.
    DeclinedOnConfirm,
}

impl Buyer {
    /// Registers and signs in a new person.
    pub async fn register(system: &System) -> Self {
        let (gateway, control) = (system.gateway(), system.control());
        let number = NEXT_PHONE.fetch_add(1, Ordering::Relaxed);
        let phone = format!("010{number:08}");
        let email = format!("buyer{number}-{}@example.com", Uuid::now_v7().simple());
        let identity = json!({"name": "김예매", "phone": phone});
        let identity = control.post("/control/identity-verifications", &identity).await;
        assert!(identity.status.is_success(), "{identity:?}");
        let registration = json!({
            "email": email, "password": PASSWORD, "name": "김예매", "phone": phone, "captchaToken": system.captcha(),
            "identityVerificationId": identity.body["identityVerificationId"],
            "agreements": [
                {"type": "SERVICE", "version": "2026-01-11", "agreed": true},
                {"type": "PRIVACY", "version": "2026-01-11", "agreed": true},
            ],
        });
        let _account = gateway.post("/auth/register", &registration).await.expect(201);
        let login = json!({"email": email, "password": PASSWORD, "captchaToken": system.captcha()});
        let tokens = gateway.post("/auth/login", &login).await.expect(200);
        let token = text(&tokens["accessToken"]).to_owned();
        Self {
            api: gateway.with_token(&token),
            token,
            control,
        }
    }

    /// Somebody who signed in by other means.
    #[must_use]
    pub fn signed_in(system: &System, token: &str) -> Self {
        Self {
            api: system.gateway().with_token(token),
            token: token.to_owned(),
            control: system.control(),
        }
    }

    /// The same buyer, calling another gateway.
    #[must_use]
    pub fn through(&self, gateway: &Api) -> Self {
        Self {
            api: gateway.with_token(&self.token),
            ..self.clone()
        }
    }

    /// The access token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The gateway, with the buyer's token.
    #[must_use]
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// Enters the queue and waits for admission; gives the `qr_` token.
    pub async fn queue(&self, sale: &Sale) -> String {
        let _place = self
            .api
            .post("/queue/enter", &json!({"eventId": sale.event_id}))
            .await
            .expect(200);
        self.admitted(sale).await
    }

    /// Polls until admitted; a refusal that asks to come again (503) is waited out.
    pub async fn admitted(&self, sale: &Sale) -> String {
        eventually("the buyer is admitted", PATIENCE, || async {
            let reply = self.api.get(&format!("/queue/status?eventId={}", sale.event_id)).await;
            if reply.status.is_server_error() {
                return None;
            }
            let status = reply.expect(200);
            status["queueToken"].as_str().map(str::to_owned)
        })
        .await
    }

    /// The first `count` free seats of the map.
    pub async fn free_seats(&self, sale: &Sale, count: usize) -> Vec<Uuid> {
        let map = self
            .api
            .get(&format!("/reservations/seats/{}", sale.event_id))
            .await
            .expect(200);
        let seats = map["seats"].as_array().expect("seats").iter();
        let free: Vec<Uuid> = seats
            .filter(|seat| seat["status"] == "AVAILABLE")
            .filter_map(|seat| seat["id"].as_str()?.parse().ok())
            .take(count)
            .collect();
        assert_eq!(free.len(), count, "too few free seats");
        free
    }

    /// Each seat's status on the map.
    pub async fn seat_status(&self, sale: &Sale, seat: Uuid) -> String {
        let map = self
            .api
            .get(&format!("/reservations/seats/{}", sale.event_id))
            .await
            .expect(200);
        let seats = map["seats"].as_array().expect("seats");
        let seat = seats
            .iter()
            .find(|entry| entry["id"] == json!(seat))
            .expect("the seat is on the map");
        text(&seat["status"]).to_owned()
    }

    /// Tries to hold seats.
    pub async fn try_hold(&self, sale: &Sale, token: &str, seats: &[Uuid]) -> Reply {
        let body = json!({"eventId": sale.event_id, "seatIds": seats});
        self.api
            .with_header("X-Queue-Token", token)
            .post("/reservations/hold", &body)
            .await
    }

    /// Holds seats.
    pub async fn hold(&self, sale: &Sale, token: &str, seats: &[Uuid]) -> Hold {
        Hold::read(&self.try_hold(sale, token, seats).await.expect(201), seats)
    }

    /// Asks for these seats instead of those that are held.
    pub async fn try_swap(&self, hold: &Hold, seats: &[Uuid]) -> Reply {
        let path = format!("/reservations/hold/{}", hold.reservation_id);
        self.api.put(&path, &json!({"seatIds": seats})).await
    }

    /// Swaps the held seats for others.
    pub async fn swap(&self, hold: &Hold, seats: &[Uuid]) -> Hold {
        Hold::read(&self.try_swap(hold, seats).await.expect(200), seats)
    }

    /// Queues and holds the first `count` free seats.
    pub async fn queue_and_hold(&self, sale: &Sale, count: usize) -> Hold {
        let token = self.queue(sale).await;
        let seats = self.free_seats(sale, count).await;
        self.hold(sale, &token, &seats).await
    }

    /// Creates a payment and goes through PortOne's window; gives the payment's key and PortOne's payment token.
    pub async fn pay_in_window(&self, hold: &Hold, outcome: Outcome) -> (Uuid, String) {
        let key = Uuid::new_v4();
        let payment = self.create_payment(hold, key).await.expect(201);
        let checkout = text(&payment["checkout"]["paymentId"]).to_owned();
        (key, self.window(&checkout, outcome).await)
    }

    /// Goes through PortOne's window for a payment of this checkout id; gives PortOne's payment token.
    pub async fn window(&self, checkout: &str, outcome: Outcome) -> String {
        let outcome = match outcome {
            Outcome::Pay => "PAY",
            Outcome::DeclinedOnConfirm => "PAY_DECLINED_ON_CONFIRM",
        };
        let path = format!("/control/portone/payments/{checkout}/window");
        let window = self.control.post(&path, &json!({"outcome": outcome})).await.expect(200);
        text(&window["paymentToken"]).to_owned()
    }

    /// Gives a payment back in PortOne's console, by hand.
    pub async fn refund_by_hand(&self, checkout: &str) {
        let path = format!("/control/portone/payments/{checkout}/cancel");
        let reply = self.control.post(&path, &json!({})).await;
        assert!(reply.status.is_success(), "{reply:?}");
    }

    /// PortOne's ledger.
    pub async fn ledger(&self) -> Value {
        self.control.get("/control/portone/ledger").await.expect(200)
    }

    /// POSTs a payment.
    pub async fn create_payment(&self, hold: &Hold, key: Uuid) -> Reply {
        let body = json!({"reservationId": hold.reservation_id, "paymentKey": key, "paymentMethod": "CARD"});
        self.api
            .with_header("X-Queue-Token", &hold.payment_token)
            .post("/payments", &body)
            .await
    }

    /// Confirms a payment.
    pub async fn confirm(&self, key: Uuid, token: &str) -> Reply {
        self.api
            .post("/payments/confirm", &json!({"paymentKey": key, "paymentToken": token}))
            .await
    }

    /// Pays for a hold, up to the reply of the confirmation.
    pub async fn pay(&self, hold: &Hold) -> Value {
        let (key, token) = self.pay_in_window(hold, Outcome::Pay).await;
        self.confirm(key, &token).await.expect(200)
    }

    /// A reservation as the buyer sees it.
    pub async fn reservation(&self, id: Uuid) -> Reply {
        self.api.get(&format!("/reservations/{id}")).await
    }

    /// Waits until a reservation has that status; replies that ask to come again are waited out.
    pub async fn wait_for(&self, id: Uuid, status: &str) -> Value {
        eventually(&format!("the reservation is {status}"), PATIENCE, || async {
            let reply = self.reservation(id).await;
            (reply.status.is_success() && reply.body["status"] == status).then_some(reply.body)
        })
        .await
    }

    /// Waits until a seat has that status on the event service's map, which is fed by messages.
    pub async fn wait_for_seat(&self, sale: &Sale, seat: Uuid, status: &str) {
        eventually(&format!("the seat is {status}"), PATIENCE, || async {
            let reply = self.api.get(&format!("/events/{}/seats", sale.event_id)).await;
            let grades = reply.body["grades"].as_array()?;
            let mut seats = grades.iter().filter_map(|grade| grade["seats"].as_array()).flatten();
            (seats.find(|entry| entry["id"] == json!(seat))?["status"] == status).then_some(())
        })
        .await;
    }

    /// Waits until a cancelled reservation's money is back.
    pub async fn wait_for_refund(&self, id: Uuid) -> Value {
        eventually("the money is back", PATIENCE, || async {
            let reply = self.reservation(id).await;
            let status = reply.body["refund"]["status"].as_str()?;
            matches!(status, "SUCCEEDED" | "COMPLETED").then_some(reply.body.clone())
        })
        .await
    }
}

#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}
