//! What design.md §10 fears when no process dies: several at once, and a provider whose messages cannot be relied on.

use serde_json::json;
use std::time::Duration;
use system_tests::{Buyer, Hold, Outcome, Sale, System};
use test_support::eventually;

const SOON: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_of_one_buyer_get_four_seats_in_all() {
    let system = System::start().await;
    let sale = system.admin().await.open_sale(2, 16).await;
    let buyer = Buyer::register(&system).await;
    let token = buyer.queue(&sale).await;
    let seats = buyer.free_seats(&sale, 32).await;
    let mut tabs = tokio::task::JoinSet::new();
    for four in seats.chunks(4) {
        let (buyer, sale, token, four) = (buyer.clone(), sale.clone(), token.clone(), four.to_vec());
        tabs.spawn(async move { buyer.try_hold(&sale, &token, &four).await });
    }
    let replies = tabs.join_all().await;
    let (won, lost): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 201);
    assert_eq!(won.len(), 1, "{won:#?}");
    for reply in lost {
        reply.expect_problem(409, "HOLD_EXISTS");
    }
    // Nothing of the refused tabs' seats stays behind.
    let still_free = buyer.free_seats(&sale, 28).await;
    assert_eq!(still_free.len(), 28);
    system.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_early_late_twice_shuffled_or_never_decide_nothing() {
    let system = System::start_with(&[("RECONCILE_AFTER_SECONDS", "1"), ("RECONCILE_INTERVAL_SECONDS", "1")]).await;
    let sale = system.admin().await.open_sale(4, 4).await;
    let behaviours = [
        // The window's and the charge's webhooks come while the confirm still waits for its own answer.
        json!({"portone": {"confirm": {"delayMs": 300}, "get": {"delayMs": 300}}}),
        json!({"webhook": {"delayMs": 1500}}),
        json!({"webhook": {"duplicate": 3, "shuffle": true}}),
        json!({"webhook": {"dropRate": 1.0}}),
        // The buyer is told nothing either: only a webhook or the reconciler can find out.
        json!({"portone": {"confirm": {"dropReplyAfterEffectRate": 1.0}}, "webhook": {"duplicate": 2, "shuffle": true}}),
        json!({"portone": {"confirm": {"dropReplyAfterEffectRate": 1.0}}, "webhook": {"dropRate": 1.0}}),
    ];
    for behaviour in behaviours {
        let buyer = Buyer::register(&system).await;
        let hold = buyer.queue_and_hold(&sale, 2).await;
        system.faults(&behaviour).await;
        let (key, token) = buyer.pay_in_window(&hold, Outcome::Pay).await;
        let reply = buyer.confirm(key, &token).await;
        assert!(reply.status.is_success(), "{behaviour}: {reply:?}");
        let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
        system.no_faults().await;
    }
    let books = system.audit().await;
    let successes = "SELECT count(*) FROM common.outbox_events WHERE event_type = 'PaymentSuccess'";
    assert_eq!(books.count(successes).await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_by_hand_by_the_buyer_and_by_retry_at_once_gives_the_money_back_once() {
    let system = System::start_with(&[("REFUND_BACKOFF_SECONDS", "1"), ("PORTONE_TIMEOUT_SECONDS", "2")]).await;
    let sale = system.admin().await.open_sale(1, 8).await;
    for faults in [
        json!({}),
        json!({"portone": {"cancel": {"dropReplyAfterEffectRate": 1.0}}, "webhook": {"duplicate": 2, "shuffle": true}}),
        json!({"portone": {"cancel": {"errorRate": 1.0}, "get": {"delayMs": 200}}}),
    ] {
        let buyer = Buyer::register(&system).await;
        let hold = buyer.queue_and_hold(&sale, 2).await;
        let payment = buyer.pay(&hold).await;
        let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
        system.faults(&faults).await;
        let checkout = payment["paymentId"].as_str().unwrap().replace('-', "");
        let path = format!("/reservations/{}", hold.reservation_id);
        let cancel = || async { buyer.api().delete(&path).await };
        let (one, two, ()) = tokio::join!(cancel(), cancel(), by_hand(&system, &checkout));
        for reply in [one, two] {
            let reply = reply.expect(200);
            assert_eq!(reply["refund"]["amount"], hold.amount);
        }
        system.no_faults().await;
        refunded(&system, &buyer, &sale, &hold, &checkout).await;
    }
    let books = system.audit().await;
    assert_eq!(books.count("SELECT count(*) FROM payment_service.refunds").await, 3);
}

/// Somebody gives the money back in PortOne's console, unless the console says that it is back already.
async fn by_hand(system: &System, checkout: &str) {
    let path = format!("/control/portone/payments/{checkout}/cancel");
    let reply = system.control().post(&path, &json!({})).await;
    assert!(reply.status.is_success() || reply.status == 409, "{reply:?}");
}

async fn refunded(system: &System, buyer: &Buyer, sale: &Sale, hold: &Hold, checkout: &str) {
    let _cancelled = buyer.wait_for(hold.reservation_id, "CANCELLED").await;
    eventually("the money is back, once", SOON, || async {
        let ledger = system.control().get("/control/portone/ledger").await.expect(200);
        let row = ledger
            .as_array()?
            .iter()
            .find(|row| row["paymentId"] == checkout)?
            .clone();
        let cancelled = row["cancelled"].as_i64()?;
        assert!(cancelled <= hold.amount, "{row}");
        (cancelled == hold.amount).then_some(())
    })
    .await;
    assert_eq!(buyer.seat_status(sale, hold.seat_ids[0]).await, "AVAILABLE");
}
