//! Each service is killed in the middle of a journey, at a moment that hurts, and started again. The journey must end
//! consistently: a confirmed reservation, or the money back.

use serde_json::json;
use std::time::Duration;
use system_tests::{Buyer, Outcome, Part, System};
use test_support::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_dies_between_the_window_and_the_confirmation() {
    let mut system = System::start().await;
    let sale = system.admin().await.open_sale(1, 2).await;
    let buyer = Buyer::register(&system).await;
    let hold = buyer.queue_and_hold(&sale, 2).await;
    let (key, token) = buyer.pay_in_window(&hold, Outcome::Pay).await;
    system.kill(Part::Gateway).await;
    system.restart(Part::Gateway).await;
    let _payment = buyer.confirm(key, &token).await.expect(200);
    let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
    system.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_service_dies_after_the_login_and_the_journey_goes_on_without_it() {
    let mut system = System::start().await;
    let sale = system.admin().await.open_sale(1, 2).await;
    let buyer = Buyer::register(&system).await;
    system.kill(Part::User).await;
    let hold = buyer.queue_and_hold(&sale, 2).await;
    let _payment = buyer.pay(&hold).await;
    let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
    system.restart(Part::User).await;
    let _me = buyer.api().get("/users/me").await.expect(200);
    system.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_dies_while_buyers_wait_and_nobody_loses_the_place() {
    // Nobody is admitted before the kill, so the place can only come from what outlives the process.
    let mut system = System::start_with(&[("ADMISSION_TICK_MILLIS", "600000")]).await;
    let sale = system.admin().await.open_sale(1, 4).await;
    let (first, second) = (Buyer::register(&system).await, Buyer::register(&system).await);
    for buyer in [&first, &second] {
        let _place = buyer
            .api()
            .post("/queue/enter", &json!({"eventId": sale.event_id}))
            .await
            .expect(200);
    }
    let before = second.api().get("/queue/status").await.expect(200);
    system.kill(Part::Queue).await;
    system.restart(Part::Queue).await;
    let after = second.api().get("/queue/status").await.expect(200);
    // The loop of the new process ticks once at its start and admits both, or has not come to it yet.
    assert_eq!(after["enteredAt"], before["enteredAt"]);
    let token = second.admitted(&sale).await;
    assert_eq!(second.admitted(&sale).await, token, "the same token at every poll");
    let seats = second.free_seats(&sale, 2).await;
    let hold = second.hold(&sale, &token, &seats).await;
    let _payment = second.pay(&hold).await;
    let _confirmed = second.wait_for(hold.reservation_id, "CONFIRMED").await;
    system.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_service_dies_before_it_hears_of_the_sale_and_shows_it_afterwards() {
    let mut system = System::start().await;
    let sale = system.admin().await.open_sale(1, 2).await;
    let buyer = Buyer::register(&system).await;
    let hold = buyer.queue_and_hold(&sale, 2).await;
    let (key, token) = buyer.pay_in_window(&hold, Outcome::Pay).await;
    system.kill(Part::Event).await;
    let _payment = buyer.confirm(key, &token).await.expect(200);
    let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
    system.restart(Part::Event).await;
    buyer.wait_for_seat(&sale, hold.seat_ids[0], "SOLD").await;
    system.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reservation_service_dies_before_it_hears_of_the_payment_and_confirms_afterwards() {
    let mut system = System::start().await;
    let sale = system.admin().await.open_sale(1, 2).await;
    let buyer = Buyer::register(&system).await;
    let hold = buyer.queue_and_hold(&sale, 2).await;
    let (key, token) = buyer.pay_in_window(&hold, Outcome::Pay).await;
    // The payment has the lock and has not told PortOne to charge when the service dies.
    let locked = "payment.confirm.lock-recorded";
    system.hold(Part::Payment, locked);
    let confirming = async { buyer.confirm(key, &token).await };
    let killing = async {
        system.wait_until_held(Part::Payment, locked).await;
        system.kill(Part::Reservation).await;
        system.let_go(Part::Payment, locked);
    };
    let (reply, ()) = tokio::join!(confirming, killing);
    let _payment = reply.expect(200);
    system.restart(Part::Reservation).await;
    let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
    system.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_payment_service_dies_after_the_charge_and_asks_portone_afterwards() {
    // The reconciler would wait a minute; the rest of its rules stay as they are.
    let mut system = System::start_with(&[("RECONCILE_AFTER_SECONDS", "2"), ("PORTONE_TIMEOUT_SECONDS", "20")]).await;
    let sale = system.admin().await.open_sale(1, 2).await;
    let buyer = Buyer::register(&system).await;
    let hold = buyer.queue_and_hold(&sale, 2).await;
    let (key, token) = buyer.pay_in_window(&hold, Outcome::Pay).await;
    // PortOne charges and answers only when the service is dead, which so never hears of it.
    system
        .faults(&json!({"portone": {"confirm": {"replyDelayMs": 120_000}}, "webhook": {"dropRate": 1.0}}))
        .await;
    let confirming = async { buyer.confirm(key, &token).await };
    let killing = async {
        charged(&system).await;
        system.kill(Part::Payment).await;
    };
    let (reply, ()) = tokio::join!(confirming, killing);
    assert!(
        reply.status.is_server_error(),
        "the outcome is unknown to the buyer: {reply:?}"
    );
    system.no_faults().await;
    system.restart(Part::Payment).await;
    let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
    let _payment = buyer.confirm(key, &token).await.expect(200);
    system.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_lost_after_the_charge_is_no_failure() {
    let system = System::start_with(&[("RECONCILE_AFTER_SECONDS", "1")]).await;
    let sale = system.admin().await.open_sale(1, 2).await;
    let buyer = Buyer::register(&system).await;
    let hold = buyer.queue_and_hold(&sale, 2).await;
    let (key, token) = buyer.pay_in_window(&hold, Outcome::Pay).await;
    system
        .faults(
            &json!({"portone": {"confirm": {"dropReplyAfterEffectRate": 1.0}, "get": {"errorRate": 1.0}},
                        "webhook": {"dropRate": 1.0}}),
        )
        .await;
    let reply = buyer.confirm(key, &token).await;
    assert_eq!(reply.status.as_u16(), 202, "unknown is not failed: {reply:?}");
    system.no_faults().await;
    let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
    system.audit().await;
}

/// Waits until PortOne has taken the money, and nothing of ours knows.
async fn charged(system: &System) {
    eventually("PortOne has charged", Duration::from_secs(60), || async {
        let ledger = system.control().get("/control/portone/ledger").await.expect(200);
        ledger
            .as_array()?
            .iter()
            .any(|row| row["captured"].as_i64() > Some(0))
            .then_some(())
    })
    .await;
}
