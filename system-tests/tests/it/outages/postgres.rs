use super::own;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use system_tests::{Buyer, Outcome, Sale, System};
use test_support::{Reply, Servers, TestEnv, eventually, servers::OwnPostgres};
use tokio::task::JoinSet;
use uuid::Uuid;

/// How often each status came, with the first reply of those that must not come.
#[derive(Debug, Default)]
struct Replies {
    statuses: BTreeMap<u16, usize>,
    improper: Vec<String>,
}

impl Replies {
    fn note(&mut self, what: &str, reply: &Reply) {
        let status = reply.status.as_u16();
        *self.statuses.entry(status).or_default() += 1;
        let proper = match status {
            200..=499 => true,
            503 => reply.header("retry-after").is_some(),
            _ => false,
        };
        if !proper && self.improper.len() < 5 {
            self.improper.push(format!("{what}: {reply:?}"));
        }
    }

    fn add(&mut self, other: Self) {
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.improper.extend(other.improper);
    }
}

/// Between the test and those who hold seats.
#[derive(Debug, Default)]
struct Signs {
    stop: AtomicBool,
    /// How many of their holds and releases were refused.
    refusals: AtomicUsize,
}

impl Signs {
    /// Waits until somebody notices that PostgreSQL is away.
    async fn wait_for_refusal(&self) {
        let before = self.refusals.load(Ordering::Relaxed);
        eventually("somebody is refused", Duration::from_secs(60), || {
            std::future::ready((self.refusals.load(Ordering::Relaxed) > before).then_some(()))
        })
        .await;
    }
}

/// Holds a seat and gives it back, again and again.
async fn hold_and_release(buyer: Buyer, sale: Sale, token: String, seat: Uuid, signs: Arc<Signs>) -> Replies {
    let mut replies = Replies::default();
    while !signs.stop.load(Ordering::Relaxed) {
        let held = buyer.try_hold(&sale, &token, &[seat]).await;
        replies.note("hold", &held);
        let Some(id) = held.body["reservationId"].as_str() else {
            signs.refusals.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let path = format!("/reservations/hold/{id}");
        loop {
            let released = buyer.api().delete(&path).await;
            replies.note("release", &released);
            if released.status != 503 {
                break;
            }
            signs.refusals.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let list = buyer.api().get("/reservations?size=5").await;
        replies.note("list", &list);
    }
    replies
}

/// Buys a seat: whatever says that it is not known or not possible now is asked again.
async fn buy(buyer: Buyer, sale: Sale, token: String, seat: Uuid, after: Duration) -> Replies {
    let mut replies = Replies::default();
    tokio::time::sleep(after).await;
    loop {
        let wanted = [seat];
        let held = again(&mut replies, "hold", || buyer.try_hold(&sale, &token, &wanted)).await;
        let id: Uuid = text(&held["reservationId"]).parse().expect("an id");
        let (path, nothing) = (format!("/reservations/hold/{id}/payment-token"), json!({}));
        let fresh = again(&mut replies, "token", || buyer.api().post(&path, &nothing)).await;
        let paying = buyer.api().with_header("X-Queue-Token", text(&fresh["paymentToken"]));
        let key = Uuid::new_v4();
        let request = json!({"reservationId": id, "paymentKey": key, "paymentMethod": "CARD"});
        let payment = again(&mut replies, "payment", || paying.post("/payments", &request)).await;
        let window = buyer
            .window(text(&payment["checkout"]["paymentId"]), Outcome::Pay)
            .await;
        let confirmed = again(&mut replies, "confirm", || buyer.confirm(key, &window)).await;
        if confirmed["status"] == "SUCCESS" {
            return replies;
        }
        // Nobody could tell in time whether it was charged, and it was not: the payment failed, and the buyer begins again.
        assert_eq!(confirmed["charged"], false, "{confirmed}");
    }
}

/// Asks until the reply is neither "come again" (503) nor "not known yet" (202).
async fn again<F: Future<Output = Reply>>(replies: &mut Replies, what: &str, ask: impl Fn() -> F) -> Value {
    loop {
        let reply = ask().await;
        replies.note(what, &reply);
        if !matches!(reply.status.as_u16(), 503 | 202) {
            return reply.body;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_and_payments_outlast_restarts_of_postgresql() {
    let Some(mut postgres) = own(OwnPostgres::start().await) else {
        return;
    };
    let servers = Servers {
        postgres: postgres.url(),
        ..Servers::shared()
    };
    let settings = [
        ("RECONCILE_AFTER_SECONDS", "1"),
        ("RECONCILE_NOT_CHARGED_AFTER_SECONDS", "6"),
        // A charge is given up before it is taken for none.
        ("PORTONE_TIMEOUT_SECONDS", "3"),
        ("RECONCILE_INTERVAL_SECONDS", "1"),
        ("PAYMENT_WORKER_POLL_MS", "200"),
        // Replies that were no fault of a service must not stop the others for a minute.
        ("BREAKER_OPEN_SECONDS", "1"),
    ];
    let system = System::start_in(TestEnv::on(servers).await, &settings).await;
    let sale = system.admin().await.open_sale(1, 12).await;
    let mut buyers = Vec::new();
    for _ in 0..9 {
        let buyer = Buyer::register(&system).await;
        let token = buyer.queue(&sale).await;
        buyers.push((buyer, token));
    }
    let seats = buyers[0].0.free_seats(&sale, 9).await;
    let (late, late_token) = buyers.pop().expect("a buyer");

    let signs: Arc<Signs> = Arc::default();
    let (mut holding, mut buying) = (JoinSet::new(), JoinSet::new());
    for (index, (buyer, token)) in buyers.into_iter().enumerate() {
        let sale = sale.clone();
        if index < 3 {
            holding.spawn(hold_and_release(buyer, sale, token, seats[index], Arc::clone(&signs)));
        } else {
            let after = Duration::from_millis(350 * (index as u64 - 3));
            buying.spawn(buy(buyer, sale, token, seats[index], after));
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    postgres.kill().await;
    signs.wait_for_refusal().await;
    postgres.restart().await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    postgres.shut_down_at_once().await;
    signs.wait_for_refusal().await;
    postgres.restart().await;

    let mut replies = Replies::default();
    while let Some(bought) = buying.join_next().await {
        replies.add(bought.expect("a buyer does not panic"));
    }
    signs.stop.store(true, Ordering::Relaxed);
    while let Some(seen) = holding.join_next().await {
        replies.add(seen.expect("a buyer does not panic"));
    }
    assert!(replies.improper.is_empty(), "{replies:#?}");
    assert!(replies.statuses.contains_key(&503), "nobody noticed: {replies:?}");

    // And goes on as if nothing had been.
    let hold = late.hold(&sale, &late_token, &seats[8..]).await;
    let _payment = late.pay(&hold).await;
    let _confirmed = late.wait_for(hold.reservation_id, "CONFIRMED").await;
    let books = system.audit().await;
    let sold = "SELECT count(*) FROM reservation_service.seat_assignments WHERE state = 'SOLD'";
    assert_eq!(books.count(sold).await, 6);
}
