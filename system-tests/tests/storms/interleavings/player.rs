//! A buyer who plays a part of a script.

use super::{journal::Journal, script::Deed};
use crate::{
    crowd::Fan,
    town::{Part, Town, id},
};
use http::Method;
use serde_json::{Value, json};
use simulators::{SigningKey, SimulatorConfig, webhook_signature};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use test_support::{Api, Reply};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Where everybody is found.
#[derive(Clone)]
pub(crate) struct Doors {
    queue: Api,
    reservations: [Api; 2],
    payments: [Api; 2],
    portone: Api,
    gateway: Api,
}

impl Doors {
    pub(crate) fn of(town: &Town) -> Self {
        Self {
            queue: town.at(Part::Queue),
            reservations: [town.at(Part::Reservation), town.at(Part::SecondReservation)],
            payments: [town.at(Part::Payment), town.at(Part::SecondPayment)],
            portone: town.control(),
            gateway: town.gateway(),
        }
    }
}

/// A payment the buyer began.
#[derive(Clone, Default)]
struct Attempt {
    key: Uuid,
    /// At PortOne.
    checkout: String,
    token: Option<String>,
}

pub(crate) struct Player {
    name: String,
    doors: Doors,
    journal: Journal,
    fan: Fan,
    seats: Arc<[Uuid]>,
    reservation: Option<Uuid>,
    payment_token: Option<String>,
    attempts: Vec<Attempt>,
    /// Payments given back in the console: nobody but a webhook tells of these.
    by_hand: Arc<Mutex<Vec<String>>>,
    turn: usize,
}

impl Player {
    pub(crate) fn new(
        number: usize,
        doors: Doors,
        journal: Journal,
        fan: Fan,
        seats: Arc<[Uuid]>,
        by_hand: Arc<Mutex<Vec<String>>>,
    ) -> Self {
        Self {
            name: format!("buyer {number:2}"),
            doors,
            journal,
            fan,
            seats,
            reservation: None,
            payment_token: None,
            attempts: Vec::new(),
            by_hand,
            turn: number,
        }
    }

    pub(crate) async fn play(mut self, deeds: Vec<(Duration, Deed)>) {
        for (pause, deed) in deeds {
            tokio::time::sleep(pause).await;
            self.turn += 1;
            self.act(&deed).await;
        }
    }

    async fn act(&mut self, deed: &Deed) {
        match deed {
            Deed::Hold(seats) => self.hold(deed, seats).await,
            Deed::Swap(seats) => {
                let Some(path) = self.held() else { return };
                let body = json!({"seatIds": self.ids(seats)});
                let _reply = self
                    .call(deed, self.reservations(), Method::PUT, &path, Some(body))
                    .await;
            }
            Deed::Release => {
                let Some(path) = self.held() else { return };
                let _reply = self.call(deed, self.reservations(), Method::DELETE, &path, None).await;
            }
            Deed::Cancel => {
                let Some(path) = self.reservation.map(|id| format!("/reservations/{id}")) else {
                    return;
                };
                let _reply = self.call(deed, self.reservations(), Method::DELETE, &path, None).await;
            }
            Deed::Begin => self.begin(deed).await,
            Deed::Window(outcome) => self.window(deed, outcome).await,
            Deed::Confirm { copies, newest } => self.confirm(deed, *copies, *newest).await,
            Deed::ConfirmWithNonsense => {
                let Some(attempt) = self.attempts.last() else { return };
                let body = json!({"paymentKey": attempt.key, "paymentToken": "nonsense"});
                let _reply = self
                    .call(deed, self.payments(), Method::POST, "/payments/confirm", Some(body))
                    .await;
            }
            Deed::ConfirmAndHangUp(after) => {
                let after = *after;
                let _hung_up = tokio::time::timeout(after, self.confirm(deed, 1, true)).await;
            }
            Deed::EarlyWebhook => {
                let Some(attempt) = self.attempts.last() else { return };
                announce(&self.doors, &self.journal, "Transaction.Paid", &attempt.checkout).await;
            }
            Deed::RefundByHand => {
                let Some(attempt) = self.attempts.last() else { return };
                let path = format!("/control/portone/payments/{}/cancel", attempt.checkout);
                self.by_hand.lock().unwrap().push(attempt.checkout.clone());
                let _reply = self
                    .call(deed, self.doors.portone.clone(), Method::POST, &path, Some(json!({})))
                    .await;
            }
        }
    }

    /// Tries neighbouring seats where somebody was faster, and the queue where the place is gone: a booking ends it.
    async fn hold(&mut self, deed: &Deed, seats: &[usize]) {
        for shift in 0..4 {
            let seats: Vec<usize> = seats.iter().map(|seat| (seat + shift * 5) % self.seats.len()).collect();
            let body = json!({"eventId": self.fan.event, "seatIds": self.ids(&seats)});
            let api = self.reservations().with_header("x-queue-token", &self.fan.token);
            let reply = self
                .call(deed, api, Method::POST, "/reservations/hold", Some(body))
                .await;
            let Some(reply) = reply else { return };
            match (reply.status.as_u16(), reply.body["code"].as_str()) {
                (200 | 201, _) => {
                    self.reservation = Some(id(&reply.body["reservationId"]));
                    self.payment_token = reply.body["paymentToken"].as_str().map(str::to_owned);
                    return;
                }
                (_, Some("SEAT_UNAVAILABLE")) => {}
                (403, _) if self.queue_again().await => {}
                _ => return,
            }
        }
    }

    async fn queue_again(&mut self) -> bool {
        let queue = self.doors.queue.as_user(self.fan.id);
        let entered = queue.post("/queue/enter", &json!({"eventId": self.fan.event})).await;
        if !entered.status.is_success() {
            return false;
        }
        let admitted = Fan::admitted(&self.doors.queue, self.fan.id, self.fan.event);
        let admitted = tokio::time::timeout(Duration::from_secs(5), admitted).await;
        let Ok(fan) = admitted else { return false };
        self.fan = fan;
        true
    }

    async fn begin(&mut self, deed: &Deed) {
        let Some(reservation) = self.reservation else { return };
        if self.payment_token.is_none() {
            let path = format!("/reservations/hold/{reservation}/payment-token");
            let reply = self.call(deed, self.reservations(), Method::POST, &path, None).await;
            self.payment_token = reply.and_then(|reply| Some(reply.body["paymentToken"].as_str()?.to_owned()));
        }
        let Some(token) = self.payment_token.clone() else {
            return;
        };
        let key = Uuid::now_v7();
        let body = json!({"reservationId": reservation, "paymentKey": key, "paymentMethod": "CARD"});
        let api = self.payments().with_header("x-queue-token", &token);
        let reply = self.call(deed, api, Method::POST, "/payments", Some(body)).await;
        if let Some(checkout) = reply
            .as_ref()
            .and_then(|reply| reply.body["checkout"]["paymentId"].as_str())
        {
            self.attempts.push(Attempt {
                key,
                checkout: checkout.to_owned(),
                token: None,
            });
        }
    }

    async fn window(&mut self, deed: &Deed, outcome: &str) {
        let Some(checkout) = self.attempts.last().map(|attempt| attempt.checkout.clone()) else {
            return;
        };
        let path = format!("/control/portone/payments/{checkout}/window");
        let body = json!({"outcome": outcome});
        let reply = self
            .call(deed, self.doors.portone.clone(), Method::POST, &path, Some(body))
            .await;
        let token = reply.and_then(|reply| Some(reply.body["paymentToken"].as_str()?.to_owned()));
        if let (Some(token), Some(attempt)) = (token, self.attempts.last_mut()) {
            attempt.token = Some(token);
        }
    }

    async fn confirm(&self, deed: &Deed, copies: usize, newest: bool) {
        let back = if newest { 0 } else { 1 };
        let Some(attempt) = self.attempts.iter().rev().nth(back) else {
            return;
        };
        let token = attempt.token.as_deref().unwrap_or("never authorised");
        let body = json!({"paymentKey": attempt.key, "paymentToken": token});
        let mut confirming = JoinSet::new();
        for copy in 0..copies {
            let api = self.doors.payments[(self.turn + copy) % 2].as_user(self.fan.id);
            let (name, journal, deed, body) = (self.name.clone(), self.journal.clone(), deed.clone(), body.clone());
            confirming.spawn(async move {
                let reply = send(&api, Method::POST, "/payments/confirm", Some(body)).await;
                journal.reply(&name, deed, reply.as_ref());
            });
        }
        while confirming.join_next().await.is_some() {}
    }

    fn held(&self) -> Option<String> {
        self.reservation.map(|id| format!("/reservations/hold/{id}"))
    }

    fn ids(&self, seats: &[usize]) -> Vec<Uuid> {
        seats.iter().map(|seat| self.seats[*seat]).collect()
    }

    /// The replicas take turns.
    fn reservations(&self) -> Api {
        self.doors.reservations[self.turn % 2].as_user(self.fan.id)
    }

    fn payments(&self) -> Api {
        self.doors.payments[self.turn % 2].as_user(self.fan.id)
    }

    async fn call(&self, deed: &Deed, api: Api, method: Method, path: &str, body: Option<Value>) -> Option<Reply> {
        let reply = send(&api, method, path, body).await;
        self.journal.reply(&self.name, deed, reply.as_ref());
        reply
    }
}

/// No reply comes from who has just died.
async fn send(api: &Api, method: Method, path: &str, body: Option<Value>) -> Option<Reply> {
    let body = body.map(|body| ("application/json", body.to_string().into_bytes()));
    api.try_send(method, path, body).await.ok()
}

/// PortOne says something of a payment, signed, whether it is true or not.
pub(crate) async fn announce(doors: &Doors, journal: &Journal, kind: &str, checkout: &str) {
    let now = common::Clock::system().now();
    let config = SimulatorConfig::default();
    let body = json!({
        "type": kind, "timestamp": now,
        "data": {"storeId": config.portone_store_id, "paymentId": checkout, "transactionId": "early"},
    });
    let body = body.to_string().into_bytes();
    let keys: Vec<SigningKey> = config
        .portone_webhook_secrets
        .iter()
        .map(|secret| SigningKey::parse(secret).unwrap())
        .collect();
    let (webhook, sent_at) = (format!("wh_{}", Uuid::now_v7().simple()), now.timestamp());
    let api = doors
        .gateway
        .with_header("webhook-id", &webhook)
        .with_header("webhook-timestamp", &sent_at.to_string())
        .with_header("webhook-signature", &webhook_signature(&keys, &webhook, sent_at, &body));
    let body = Some(("application/json", body));
    let reply = api.try_send(Method::POST, "/payments/webhook/portone", body).await.ok();
    journal.reply("PortOne ", format!("{kind} {checkout}"), reply.as_ref());
}
