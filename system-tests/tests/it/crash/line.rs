//! One event's line, seen by its administrator, and those who stand in it.

use super::shopper::insist;
use common::internal_auth::Service;
use serde_json::{Value, json};
use std::time::Duration;
use system_tests::{Admin, Buyer, Hold, Outcome, Part, Sale, System};
use test_support::{Api, Reply, connect_redis, eventually};
use tokio::sync::Mutex;
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(60);

/// A sale and its line.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) sale: Sale,
    admin: Api,
}

impl Line {
    /// A new sale that admits nobody yet.
    pub(super) async fn paused(system: &System) -> Self {
        let admin: Admin = system.admin().await;
        let line = Self {
            sale: admin.open_sale(1, 30).await,
            admin: admin.api().clone(),
        };
        line.set(json!({"paused": true})).await;
        line
    }

    pub(super) async fn set(&self, change: Value) -> Value {
        let path = format!("/queue/admin/events/{}", self.sale.event_id);
        insist(|| self.admin.put(&path, &change)).await.expect(200)
    }

    pub(super) async fn stats(&self) -> Value {
        let path = format!("/queue/admin/stats?eventId={}", self.sale.event_id);
        insist(|| self.admin.get(&path)).await.expect(200)
    }

    /// Waits until so many have a place inside, and not one more.
    pub(super) async fn admits(&self, count: u64) {
        eventually(&format!("{count} are in"), SOON, || async {
            let active = self.stats().await["active"].as_u64()?;
            assert!(active <= count, "{active} are in");
            (active == count).then_some(())
        })
        .await;
    }

    /// Asserts that these and no others wait, in this order.
    pub(super) async fn stands(&self, waiters: &[&Waiter]) {
        for (index, waiter) in waiters.iter().enumerate() {
            let status = insist(|| waiter.poll()).await.expect(200);
            assert_eq!(status["position"], index + 1, "{status}");
            assert_eq!(status["totalWaiting"], waiters.len(), "{status}");
        }
    }

    pub(super) async fn cancel_event(&self) {
        let path = format!("/events/{}/cancel", self.sale.event_id);
        let why = json!({"reason": "typhoon"});
        let _accepted = insist(|| self.admin.post(&path, &why)).await.expect(202);
    }
}

/// Somebody in a line, with the last ticket.
pub(super) struct Waiter {
    pub(super) buyer: Buyer,
    pub(super) sale: Sale,
    ticket: Mutex<String>,
}

impl Clone for Waiter {
    fn clone(&self) -> Self {
        Self {
            buyer: self.buyer.clone(),
            sale: self.sale.clone(),
            ticket: Mutex::new(self.ticket.try_lock().map(|ticket| ticket.clone()).unwrap_or_default()),
        }
    }
}

impl Waiter {
    pub(super) async fn of(system: &System, line: &Line) -> Self {
        Self {
            buyer: Buyer::register(system).await,
            sale: line.sale.clone(),
            ticket: Mutex::default(),
        }
    }

    /// Enters, and again if there was no answer.
    pub(super) async fn enter(&self) -> Value {
        let body = json!({"eventId": self.sale.event_id});
        let status = insist(|| self.buyer.api().post("/queue/enter", &body))
            .await
            .expect(200);
        self.keep(&status).await;
        status
    }

    async fn keep(&self, status: &Value) {
        let ticket = status["queueTicket"].as_str().expect("a ticket");
        ticket.clone_into(&mut *self.ticket.lock().await);
    }

    /// Polls once as a browser does, with the last ticket.
    pub(super) async fn poll(&self) -> Reply {
        let ticket = self.ticket.lock().await.clone();
        let path = format!("/queue/status?eventId={}", self.sale.event_id);
        let reply = self.buyer.api().with_header("X-Queue-Ticket", &ticket).get(&path).await;
        if reply.status.is_success() {
            self.keep(&reply.body).await;
        }
        reply
    }

    /// Polls until there is an answer, and is in line or in.
    pub(super) async fn returns(&self) -> Value {
        insist(|| self.poll()).await.expect(200)
    }

    /// Polls as somebody who kept no ticket.
    pub(super) async fn returns_without_ticket(&self) {
        let path = format!("/queue/status?eventId={}", self.sale.event_id);
        let status = insist(|| self.buyer.api().get(&path)).await.expect(200);
        self.keep(&status).await;
    }

    /// Opens a stream.
    pub(super) async fn stream(&self) -> reqwest::Response {
        let path = format!("/queue/stream?eventId={}", self.sale.event_id);
        self.buyer.api().open(&path).await
    }

    pub(super) async fn ticket(&self) -> String {
        self.ticket.lock().await.clone()
    }

    /// From now on sends somebody else's ticket.
    pub(super) async fn take_ticket_of(&self, other: &Self) {
        let stolen = other.ticket().await;
        *self.ticket.lock().await = stolen;
    }

    /// Is in no line, as the ticket alone tells it; gives the reason.
    pub(super) async fn reason_without_event(&self) -> String {
        let api = self.buyer.api().with_header("X-Queue-Ticket", &self.ticket().await);
        let problem = insist(|| api.get("/queue/status"))
            .await
            .expect_problem(404, "NOT_QUEUED");
        problem["reason"].as_str().unwrap_or_default().to_owned()
    }

    /// The same hold with a payment token of now.
    pub(super) async fn with_fresh_token(&self, hold: &Hold) -> Hold {
        let path = format!("/reservations/hold/{}/payment-token", hold.reservation_id);
        let nothing = json!({});
        let fresh = insist(|| self.buyer.api().post(&path, &nothing)).await;
        assert!(fresh.status.is_success(), "{fresh:?}");
        Hold {
            payment_token: fresh.body["paymentToken"].as_str().expect("a token").to_owned(),
            ..hold.clone()
        }
    }

    /// While Redis is away everything asks to come again.
    pub(super) async fn is_asked_to_come_again(&self, system: &System) {
        let (api, event) = (self.buyer.api(), self.sale.event_id);
        let hold = json!({"eventId": event, "seatIds": [event]});
        let question = json!({"token": "qr_x", "type": "RESERVATION", "userId": event, "eventId": event});
        let payment = json!({"userId": event, "eventId": event, "reservationId": event});
        let queue = system.url(Part::Queue);
        let direct = Api::as_gateway(&queue).as_user(event);
        let internal = Api::as_service(&queue, Service::Reservation);
        let enter = json!({"eventId": event});
        let ticketed = direct.with_header("X-Queue-Ticket", &self.ticket().await);
        let replies: [Reply; 10] = [
            self.poll().await,
            api.post("/queue/enter", &enter).await,
            api.delete("/queue/leave").await,
            api.get(&format!("/queue/stream?eventId={event}")).await,
            api.with_header("X-Queue-Token", "qr_x")
                .post("/reservations/hold", &hold)
                .await,
            ticketed.get("/queue/status").await,
            direct.post("/queue/enter", &enter).await,
            direct.delete("/queue/leave").await,
            internal.post("/internal/queue/tokens/validate", &question).await,
            internal.post("/internal/queue/payment-tokens", &payment).await,
        ];
        for reply in replies {
            assert!(reply.header("retry-after").is_some(), "{reply:?}");
            reply.expect_problem(503, "SERVICE_UNAVAILABLE");
        }
    }

    /// The ticket of just now.
    pub(super) async fn refreshed(&self) -> Self {
        self.returns().await;
        self.clone()
    }

    /// Polls until admitted; gives the token.
    pub(super) async fn admitted(&self) -> String {
        eventually("the admission", SOON, || async {
            let status = self.returns().await;
            status["queueToken"].as_str().map(str::to_owned)
        })
        .await
    }

    pub(super) async fn leave(&self) {
        let reply = insist(|| self.buyer.api().delete("/queue/leave")).await;
        let () = drop(reply.expect(204));
    }

    /// Is not in line; gives the reason, or an empty text.
    pub(super) async fn reason(&self) -> String {
        let problem = insist(|| self.poll()).await.expect_problem(404, "NOT_QUEUED");
        problem["reason"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the line is closed.
    pub(super) async fn is_closed(&self) {
        eventually("the line is closed", SOON, || async {
            let reply = insist(|| self.poll()).await;
            (reply.status == 404).then(|| reply.expect_problem(404, "NOT_QUEUED")["reason"] == "CLOSED")
        })
        .await;
    }

    /// Waits until there is no place, for whatever reason.
    pub(super) async fn is_nowhere(&self) {
        eventually("the line is closed", SOON, || async {
            (insist(|| self.poll()).await.status == 404).then_some(())
        })
        .await;
    }

    /// The token opens nothing any more.
    pub(super) async fn is_refused(&self, token: &str) {
        let body = json!({"eventId": self.sale.event_id, "seatIds": [Uuid::now_v7()]});
        let api = self.buyer.api().with_header("X-Queue-Token", token);
        let reply = insist(|| api.post("/reservations/hold", &body)).await;
        reply.expect_problem(403, "QUEUE_TOKEN_INVALID");
    }

    /// Holds a seat.
    pub(super) async fn hold(&self, token: &str) -> Hold {
        let api = self.buyer.api();
        let mine = insist(|| api.get("/reservations")).await;
        let pending = mine.body["content"].as_array().into_iter().flatten();
        let mut pending =
            pending.filter(|one| one["status"] == "PENDING" && one["eventId"] == json!(self.sale.event_id));
        let seats: Vec<Uuid> = match pending.next() {
            Some(reservation) => {
                let path = format!(
                    "/reservations/{}",
                    reservation["reservationId"].as_str().expect("an id")
                );
                let details = insist(|| api.get(&path)).await.expect(200);
                let seats = details["seats"].as_array().expect("seats").iter();
                seats.filter_map(|seat| seat["seatId"].as_str()?.parse().ok()).collect()
            }
            None => self.buyer.free_seats(&self.sale, 1).await,
        };
        let reply = insist(|| self.buyer.try_hold(&self.sale, token, &seats)).await;
        assert!(reply.status.is_success(), "{reply:?}");
        let id = reply.body["reservationId"].as_str().expect("an id");
        let hold = Hold {
            reservation_id: id.parse().expect("an id"),
            amount: reply.body["totalAmount"].as_i64().expect("an amount"),
            payment_token: String::new(),
            seat_ids: seats,
        };
        self.with_fresh_token(&hold).await
    }

    /// Buys what is held, however often something is away meanwhile.
    pub(super) async fn buys(&self, hold: &Hold) {
        let hold = self.with_fresh_token(hold).await;
        let key = Uuid::new_v4();
        let payment = insist(|| self.buyer.create_payment(&hold, key)).await;
        assert!(payment.status.is_success(), "{payment:?}");
        let checkout = payment.body["checkout"]["paymentId"].as_str().expect("an id");
        let window = self.buyer.window(checkout, Outcome::Pay).await;
        let _confirmed = insist(|| self.buyer.confirm(key, &window)).await.expect(200);
        let _confirmed = self.buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
    }

    pub(super) async fn release(&self, hold: &Hold) {
        let path = format!("/reservations/hold/{}", hold.reservation_id);
        let reply = insist(|| self.buyer.api().delete(&path)).await;
        let () = drop(reply.expect(204));
    }
}

/// Empties the system's Redis database.
pub(super) async fn forget_redis(system: &System) {
    let mut redis = connect_redis(system.env().redis_url()).await;
    let () = redis::cmd("FLUSHDB")
        .query_async(&mut redis)
        .await
        .expect("Redis can be emptied");
}
