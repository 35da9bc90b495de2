use super::expect_unavailable;
use futures_util::future::join_all;
use serde_json::json;
use std::time::Duration;
use system_tests::{Buyer, Outcome, Part, System};
use test_support::eventually;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_portone_charges_nobody_and_holds_expire() {
    let mut system = System::start_with(&[
        ("HOLD_TTL_SECONDS", "12"),
        ("PORTONE_BREAKER_MINIMUM_CALLS", "4"),
        ("PORTONE_BREAKER_OPEN_SECONDS", "2"),
    ])
    .await;
    let sale = system.admin().await.open_sale(1, 4).await;
    let (early, late) = (Buyer::register(&system).await, Buyer::register(&system).await);
    let token = early.queue(&sale).await;
    let late_token = late.queue(&sale).await;
    let seats = early.free_seats(&sale, 2).await;
    let begun = early.hold(&sale, &token, &seats[..1]).await;
    let (key, window) = early.pay_in_window(&begun, Outcome::Pay).await;
    let hold = late.hold(&sale, &late_token, &seats[1..]).await;

    system.kill(Part::Simulators).await;
    // Before and after the breaker has opened.
    for _ in 0..6 {
        expect_unavailable(late.create_payment(&hold, Uuid::new_v4()).await);
    }
    let refused = early.confirm(key, &window).await;
    assert_eq!(refused.body["charged"], false, "{refused:?}");
    expect_unavailable(refused);
    // The lock that the confirmation took was given back, so both holds end in time.
    for (buyer, id) in [(&early, begun.reservation_id), (&late, hold.reservation_id)] {
        let over = buyer.wait_for(id, "CANCELLED").await;
        assert_eq!(over["cancelReason"], "HOLD_EXPIRED");
    }

    system.restart(Part::Simulators).await;
    let again = late.hold(&sale, &late_token, &seats).await;
    // The breaker lets the first through after two seconds.
    let payment = eventually("PortOne is asked again", Duration::from_secs(60), || async {
        let reply = late.create_payment(&again, key_of(&again.reservation_id)).await;
        reply.status.is_success().then_some(reply.body)
    })
    .await;
    let checkout = payment["checkout"]["paymentId"].as_str().expect("an id");
    let window = late.window(checkout, Outcome::Pay).await;
    let _payment = late.confirm(key_of(&again.reservation_id), &window).await.expect(200);
    let _confirmed = late.wait_for(again.reservation_id, "CONFIRMED").await;
    let books = system.audit().await;
    let captured = "SELECT count(*) FROM payment_service.payments WHERE captured";
    assert_eq!(books.count(captured).await, 1);
}

/// One key per reservation, so that asking again is the same payment.
fn key_of(reservation: &Uuid) -> Uuid {
    Uuid::from_u128(reservation.as_u128() ^ 0xffff)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_portone_is_unknown_and_settled_when_it_answers() {
    let system = System::start_with(&[
        ("PORTONE_TIMEOUT_SECONDS", "3"),
        ("RECONCILE_AFTER_SECONDS", "2"),
        ("RECONCILE_INTERVAL_SECONDS", "1"),
        ("PAYMENT_WORKER_POLL_MS", "200"),
    ])
    .await;
    let sale = system.admin().await.open_sale(1, 4).await;
    let mut confirming = Vec::new();
    for _ in 0..3 {
        let buyer = Buyer::register(&system).await;
        let hold = buyer.queue_and_hold(&sale, 1).await;
        let (key, window) = buyer.pay_in_window(&hold, Outcome::Pay).await;
        confirming.push((buyer, hold, key, window));
    }
    // Slower than our patience, and without a webhook: the charge comes after we have given up.
    let slow = json!({"portone": {"confirm": {"delayMs": 6000}}, "webhook": {"dropRate": 1.0}});
    system.faults(&slow).await;
    let unknown = confirming.iter().map(async |(buyer, hold, key, window)| {
        let reply = buyer.confirm(*key, window).await;
        assert_eq!(reply.status.as_u16(), 202, "unknown is not failed: {reply:?}");
        assert_eq!(buyer.seat_status(&sale, hold.seat_ids[0]).await, "HOLD");
    });
    join_all(unknown).await;
    system.no_faults().await;
    for (buyer, hold, key, window) in &confirming {
        let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
        let payment = buyer.confirm(*key, window).await.expect(200);
        assert_eq!(payment["status"], "SUCCESS");
    }
    system.audit().await;
}
