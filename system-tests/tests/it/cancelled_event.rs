//! An event is cancelled while its seats are held, paid for and being paid for (design.md §8.5, §10: "hold on an event just
//! being cancelled", "cancel while paying").

use futures_util::future::join_all;
use serde_json::json;
use std::time::Duration;
use system_tests::{Buyer, Hold, Outcome, Part, Sale, System};
use test_support::{Api, eventually};
use tokio::task::JoinSet;

const SOON: Duration = Duration::from_secs(90);
/// Where the payment has the lock and has not told PortOne to charge.
const LOCKED: &str = "payment.confirm.lock-recorded";

struct Booked {
    buyer: Buyer,
    hold: Hold,
}

async fn held(system: &System, sale: &Sale, seats: usize) -> Booked {
    let buyer = Buyer::register(system).await;
    let hold = buyer.queue_and_hold(sale, seats).await;
    Booked { buyer, hold }
}

async fn confirmed(system: &System, sale: &Sale, seats: usize) -> Booked {
    let booked = held(system, sale, seats).await;
    let _payment = booked.buyer.pay(&booked.hold).await;
    let _confirmed = booked.buyer.wait_for(booked.hold.reservation_id, "CONFIRMED").await;
    booked
}

/// Begins to confirm a payment, and returns once the reservation is locked for it; it goes on when it is let go.
async fn paying(system: &System, sale: &Sale) -> (Booked, JoinSet<u16>) {
    let booked = held(system, sale, 1).await;
    let (key, token) = booked.buyer.pay_in_window(&booked.hold, Outcome::Pay).await;
    system.hold(Part::Payment, LOCKED);
    let buyer = booked.buyer.clone();
    let mut confirm = JoinSet::new();
    confirm.spawn(async move { buyer.confirm(key, &token).await.status.as_u16() });
    system.wait_until_held(Part::Payment, LOCKED).await;
    (booked, confirm)
}

/// Waits until the queue has sent the buyer away.
async fn sent_away(api: &Api, sale: &Sale) {
    eventually("the queue is closed", SOON, || async {
        let reply = api.get(&format!("/queue/status?eventId={}", sale.event_id)).await;
        (reply.status == 404).then(|| assert_eq!(reply.expect_problem(404, "NOT_QUEUED")["reason"], "CLOSED"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_ends_cancelled_and_every_won_goes_back() {
    let system = System::start_with(&[("CLOSING_CHUNK", "2")]).await;
    let admin = system.admin().await;
    let (sale, other) = (admin.open_sale(2, 8).await, admin.open_sale(1, 4).await);
    let paid = [confirmed(&system, &sale, 2).await, confirmed(&system, &sale, 1).await];
    let elsewhere = confirmed(&system, &other, 1).await;
    let pending = [
        held(&system, &sale, 2).await,
        held(&system, &sale, 1).await,
        held(&system, &sale, 1).await,
    ];
    let admitted = Buyer::register(&system).await;
    let token = admitted.queue(&sale).await;
    let seats = admitted.free_seats(&sale, 1).await;
    let settings = format!("/queue/admin/events/{}", sale.event_id);
    let _paused = admin.api().put(&settings, &json!({"paused": true})).await.expect(200);
    let waiting = Buyer::register(&system).await;
    let entry = json!({"eventId": sale.event_id});
    let place = waiting.api().post("/queue/enter", &entry).await.expect(200);
    assert_eq!(place["status"], "WAITING");
    let _running = admin.api().put(&settings, &json!({"paused": false})).await.expect(200);
    let (under_way, mut confirm) = paying(&system, &sale).await;

    let path = format!("/events/{}", sale.event_id);
    admin.api().delete(&path).await.expect_problem(409, "EVENT_LOCKED");
    let reply = admin
        .api()
        .post(&format!("{path}/cancel"), &json!({"reason": "The hall is closed"}))
        .await
        .expect(202);
    assert_eq!(reply["status"], "CANCELLED");

    for booked in paid.iter().chain(&pending) {
        let shown = booked.buyer.wait_for(booked.hold.reservation_id, "CANCELLED").await;
        assert_eq!(shown["cancelReason"], "EVENT_CANCELLED");
    }
    // What is being paid for is left, and its money is taken only now.
    system.let_go(Part::Payment, LOCKED);
    for buyer in [&admitted, &waiting] {
        sent_away(buyer.api(), &sale).await;
        buyer
            .api()
            .post("/queue/enter", &entry)
            .await
            .expect_problem(409, "SALE_CLOSED");
    }
    admitted
        .try_hold(&sale, &token, &seats)
        .await
        .expect_problem(403, "QUEUE_TOKEN_INVALID");
    let stats = format!("/queue/admin/stats?eventId={}", sale.event_id);
    let stats = admin.api().get(&stats).await.expect(200);
    assert_eq!((&stats["waiting"], &stats["active"]), (&json!(0), &json!(0)));
    assert_eq!(
        waiting.api().get(&path).await.expect(200)["cancelReason"],
        "The hall is closed"
    );

    assert_eq!(confirm.join_next().await.unwrap().unwrap(), 200);
    let shown = under_way
        .buyer
        .wait_for(under_way.hold.reservation_id, "CANCELLED")
        .await;
    assert_eq!(shown["cancelReason"], "EVENT_CANCELLED");
    for booked in paid.iter().chain([&under_way]) {
        let shown = booked.buyer.wait_for_refund(booked.hold.reservation_id).await;
        assert_eq!(shown["refund"]["amount"], booked.hold.amount);
        for seat in &booked.hold.seat_ids {
            booked.buyer.wait_for_seat(&sale, *seat, "AVAILABLE").await;
        }
    }
    assert_eq!(
        elsewhere
            .buyer
            .reservation(elsewhere.hold.reservation_id)
            .await
            .expect(200)["status"],
        "CONFIRMED"
    );

    let books = system.audit().await;
    let refunded = "SELECT count(*) FROM payment_service.payments WHERE status = 'REFUNDED'";
    assert_eq!(books.count(refunded).await, 3);
    let live = "SELECT count(*) FROM reservation_service.reservations WHERE status <> 'CANCELLED'";
    assert_eq!(books.count(live).await, 1, "the other event's");
    admin.api().delete(&path).await.expect_problem(409, "EVENT_LOCKED");
}

/// Whoever comes before the closing is cancelled by it, whoever comes after it is told; nobody keeps a seat.
#[tokio::test(flavor = "multi_thread")]
async fn holds_on_an_event_just_being_cancelled_end_with_it_or_are_refused() {
    const BUYERS: usize = 8;
    let system = System::start_with(&[("CLOSING_CHUNK", "2")]).await;
    let admin = system.admin().await;
    let sale = admin.open_sale(1, BUYERS).await;
    let mut buyers = Vec::new();
    for _ in 0..BUYERS {
        let buyer = Buyer::register(&system).await;
        let token = buyer.queue(&sale).await;
        buyers.push((buyer, token));
    }
    let seats = buyers[0].0.free_seats(&sale, BUYERS).await;
    let path = format!("/events/{}/cancel", sale.event_id);
    let cancel = async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        admin.api().post(&path, &json!({"reason": "rain"})).await.expect(202)
    };
    let holds = join_all(
        buyers
            .iter()
            .zip(&seats)
            .enumerate()
            .map(async |(number, ((buyer, token), seat))| {
                tokio::time::sleep(Duration::from_millis(15) * u32::try_from(number).unwrap()).await;
                buyer.try_hold(&sale, token, &[*seat]).await
            }),
    );
    let (holds, _accepted) = tokio::join!(holds, cancel);
    for ((buyer, _), reply) in buyers.iter().zip(holds) {
        let code = reply.body["code"].as_str().unwrap_or_default();
        match (reply.status.as_u16(), code) {
            (201, _) => {
                let id = reply.body["reservationId"].as_str().unwrap().parse().unwrap();
                let shown = buyer.wait_for(id, "CANCELLED").await;
                assert_eq!(shown["cancelReason"], "EVENT_CANCELLED");
            }
            // A machine that is too busy to answer in time says so; the books below must be right all the same.
            (409, "SALE_CLOSED") | (403, "QUEUE_TOKEN_INVALID") | (503, _) => {}
            _ => panic!("{reply:?}"),
        }
    }
    let books = system.audit().await;
    assert_eq!(
        books
            .count("SELECT count(*) FROM reservation_service.seat_assignments")
            .await,
        0
    );
}
