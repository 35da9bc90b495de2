//! Begin, window, confirm, with the real reservation and queue service (design.md §8.3).

use serde_json::json;
use test_support::eventually;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    market::Market,
    world::{AMOUNT, SOON},
};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buyer_pays_and_the_reservation_is_confirmed() {
    let market = Market::with_topics(&[]).await;
    let hold = market.hold(60.0).await;
    let created = market.create(&hold, Uuid::now_v7()).await.expect(201);
    let checkout = &created["checkout"];
    assert_eq!(
        (&created["status"], &created["amount"]),
        (&json!("PENDING"), &json!(AMOUNT))
    );
    assert_eq!(
        (&checkout["totalAmount"], &checkout["payMethod"]),
        (&json!(AMOUNT), &json!("CARD"))
    );
    assert_eq!(checkout["orderName"], "A concert (2 seats)");

    let payment = market.begin(&hold).await;
    let paid = market.pay(payment, "PAY").await.expect(200);
    assert_eq!(paid["status"], "SUCCESS");
    assert!(paid["paidAt"].is_string() && paid.get("checkout").is_none());

    market.until_reservation(&hold, "CONFIRMED").await;
    let shown = || async { (market.shown(payment.given).await["reservationStatus"] == "CONFIRMED").then_some(()) };
    eventually("the payment shows it", SOON, shown).await;
    assert_eq!(market.saga(payment.given).await, "CONFIRMED");
    assert_eq!(market.said(payment.given).await, ["PaymentSuccess"]);
    assert_eq!(market.portone.books(payment.given.id).await, (AMOUNT, 0));

    // Again is the same answer, and nothing is charged again.
    assert_eq!(
        market.confirm(payment, "whatever").await.expect(200)["status"],
        "SUCCESS"
    );
    market
        .create(&hold, Uuid::now_v7())
        .await
        .expect_problem(409, "RESERVATION_NOT_PENDING");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decline_ends_payment_and_reservation_and_charges_nothing() {
    let market = Market::with_topics(&[]).await;
    let hold = market.hold(60.0).await;
    let payment = market.begin(&hold).await;
    let problem = market
        .pay(payment, "PAY_DECLINED_ON_CONFIRM")
        .await
        .expect_problem(402, "PAYMENT_DECLINED");
    assert_eq!(problem["charged"], false);
    assert_eq!(
        market.status(payment.given).await,
        ("FAILED".to_owned(), Some("DECLINED".to_owned()))
    );
    assert_eq!(market.said(payment.given).await, ["PaymentFailed"]);
    assert_eq!(
        market.until_reservation(&hold, "CANCELLED").await.as_deref(),
        Some("PAYMENT_FAILED")
    );

    let again = market
        .confirm(payment, "whatever")
        .await
        .expect_problem(409, "PAYMENT_NOT_PENDING");
    assert_eq!(
        (&again["charged"], &again["failureReason"]),
        (&json!(false), &json!("DECLINED"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_token_that_portone_did_not_give_is_a_decline() {
    let market = Market::open().await;
    let hold = market.hold(60.0).await;
    let payment = market.begin(&hold).await;
    market.portone.window(payment.given.id, "PAY").await;
    let problem = market
        .confirm(payment, "forged")
        .await
        .expect_problem(402, "PAYMENT_DECLINED");
    assert_eq!(problem["charged"], false);
    assert_eq!(market.portone.books(payment.given.id).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_confirms_at_once_one_charges() {
    let market = Arc::new(Market::open().await);
    let hold = market.hold(60.0).await;
    let payment = market.begin(&hold).await;
    let token = market.portone.window(payment.given.id, "PAY").await.unwrap();
    let mut confirms = JoinSet::new();
    for _ in 0..20 {
        let (market, token) = (market.clone(), token.clone());
        confirms.spawn(async move { market.confirm(payment, &token).await.status.as_u16() });
    }
    let statuses = confirms.join_all().await;
    assert!(
        statuses.iter().all(|status| [200, 202].contains(status)),
        "{statuses:?}"
    );
    market.until(payment.given, "SUCCESS").await;
    assert_eq!(market.said(payment.given).await, ["PaymentSuccess"]);
    assert_eq!(market.portone.books(payment.given.id).await, (AMOUNT, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_charge_whose_reply_is_lost_is_found_and_said_once() {
    let market = Market::with_topics(&[("RECONCILE_AFTER_SECONDS", "0.5")]).await;
    let hold = market.hold(60.0).await;
    let payment = market.begin(&hold).await;
    market
        .portone
        .faults(json!({"confirm": {"dropReplyAfterEffectRate": 1.0}}))
        .await;
    let pending = market.pay(payment, "PAY").await.expect(202);
    assert_eq!(pending["status"], "PENDING");
    market.until(payment.given, "SUCCESS").await;
    market.until_reservation(&hold, "CONFIRMED").await;
    assert_eq!(market.said(payment.given).await, ["PaymentSuccess"]);
    assert_eq!(market.portone.books(payment.given.id).await, (AMOUNT, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_charge_slower_than_our_patience_is_not_lost() {
    let market = Market::with(&[
        ("PORTONE_TIMEOUT_SECONDS", "1.5"),
        ("RECONCILE_AFTER_SECONDS", "0.1"),
        ("RECONCILE_INTERVAL_SECONDS", "0.1"),
        ("RECONCILE_NOT_CHARGED_AFTER_SECONDS", "1.7"),
        ("RECONCILE_REREAD_SECONDS", "4,5,6,10,20,40"),
    ])
    .await;
    let hold = market.hold(60.0).await;
    let payment = market.begin(&hold).await;
    // Our time-out is 1.5 s, PortOne charges after 3.5 s, and at 1.7 s we had given up.
    market.portone.faults(json!({"confirm": {"delayMs": 3500}})).await;
    let _pending = market.pay(payment, "PAY").await.expect(202);
    assert_eq!(
        market.until(payment.given, "FAILED").await.as_deref(),
        Some("NOT_CHARGED")
    );
    market.until(payment.given, "REFUNDED").await;
    assert_eq!(market.portone.books(payment.given.id).await, (AMOUNT, AMOUNT));
    assert_eq!(market.said(payment.given).await, ["PaymentFailed", "PaymentRefunded"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_settles_a_payment_goes_on_in_the_request_and_trace_of_its_confirm() {
    let market = Market::with(&[
        ("RECONCILE_AFTER_SECONDS", "0.1"),
        ("RECONCILE_INTERVAL_SECONDS", "0.1"),
    ])
    .await;
    let hold = market.hold(60.0).await;
    let payment = market.begin(&hold).await;
    let trace = Uuid::now_v7().simple().to_string();
    // The confirm never hears of its charge, and no webhook comes: the reconciler settles it.
    market
        .portone
        .faults(json!({"confirm": {"dropReplyAfterEffectRate": 1.0}, "get": {"errorRate": 1.0}}))
        .await;
    let token = market.portone.window(payment.given.id, "PAY").await.unwrap();
    let body = json!({"paymentKey": payment.given.key, "paymentToken": token});
    let confirming = market
        .as_user(payment.given.user)
        .with_header("traceparent", &format!("00-{trace}-00f067aa0ba902b7-00"));
    let reply = confirming.post("/payments/confirm", &body).await;
    let click = reply.headers["x-request-id"].clone();
    let _pending = reply.expect(202);
    market.portone.faults(json!({})).await;
    market.until(payment.given, "SUCCESS").await;

    let (request, traceparent): (String, String) = sqlx::query_as(
        "select headers ->> 'x-request-id', headers ->> 'traceparent' from common.outbox_events where aggregate_id = $1",
    )
    .bind(payment.given.id)
    .fetch_one(&market.db)
    .await
    .unwrap();
    assert_eq!(
        (request.as_bytes(), &traceparent[3..35]),
        (click.as_bytes(), trace.as_str())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_supersedes_an_unconfirmed_payment_silently() {
    let market = Market::open().await;
    let hold = market.hold(60.0).await;
    let (first, second) = (market.begin(&hold).await, market.begin(&hold).await);
    assert_eq!(
        market.status(first.given).await,
        ("FAILED".to_owned(), Some("SUPERSEDED".to_owned()))
    );
    let problem = market
        .confirm(first, "whatever")
        .await
        .expect_problem(409, "PAYMENT_NOT_PENDING");
    assert_eq!(problem["charged"], false);
    let _paid = market.pay(second, "PAY").await.expect(200);
    assert!(market.said(first.given).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_being_confirmed_is_not_superseded() {
    let market = Arc::new(Market::open().await);
    let hold = market.hold(60.0).await;
    let payment = market.begin(&hold).await;
    market.portone.faults(json!({"confirm": {"delayMs": 4000}})).await;
    let mut paying = JoinSet::new();
    let buyer = market.clone();
    paying.spawn(async move { buyer.pay(payment, "PAY").await.expect(200) });
    let locked = || async { market.reservation(&hold).await.2.then_some(()) };
    eventually("the reservation is locked", SOON, locked).await;

    market
        .create(&hold, Uuid::now_v7())
        .await
        .expect_problem(409, "PAYMENT_IN_PROGRESS");
    let second = market.confirm(payment, "whatever").await.expect(202);
    assert_eq!(second["status"], "PENDING");
    assert_eq!(paying.join_next().await.unwrap().unwrap()["status"], "SUCCESS");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_key_at_once_makes_one_payment() {
    let market = Arc::new(Market::open().await);
    let hold = market.hold(60.0).await;
    let key = Uuid::now_v7();
    let mut requests = JoinSet::new();
    for _ in 0..10 {
        let (market, hold) = (market.clone(), hold.clone());
        requests.spawn(async move { market.create(&hold, key).await });
    }
    let replies = requests.join_all().await;
    assert_eq!(
        replies.iter().filter(|reply| reply.status == 201).count(),
        1,
        "{replies:#?}"
    );
    assert_eq!(
        replies.iter().filter(|reply| reply.status == 200).count(),
        9,
        "{replies:#?}"
    );
    assert!(
        replies
            .iter()
            .all(|reply| reply.body["paymentId"] == replies[0].body["paymentId"])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_be_paid_is_refused_with_its_reason() {
    let market = Market::open().await;
    let (hold, other) = (market.hold(60.0).await, market.hold(60.0).await);
    let body = |reservation: Uuid| json!({"reservationId": reservation, "paymentKey": Uuid::now_v7(), "paymentMethod": "CARD"});
    let buyer = market.as_user(hold.user);
    let with_token = buyer.with_header("x-queue-token", &hold.token);

    with_token
        .post("/payments", &body(other.reservation))
        .await
        .expect_problem(404, "NOT_FOUND");
    with_token
        .post("/payments", &body(Uuid::now_v7()))
        .await
        .expect_problem(404, "NOT_FOUND");
    for token in ["qp_unknown", &other.token] {
        let wrong = buyer.with_header("x-queue-token", token);
        wrong
            .post("/payments", &body(hold.reservation))
            .await
            .expect_problem(403, "QUEUE_TOKEN_INVALID");
    }
    let mut cheap = body(hold.reservation);
    cheap["amount"] = json!(AMOUNT - 1);
    let problem = with_token
        .post("/payments", &cheap)
        .await
        .expect_problem(409, "AMOUNT_MISMATCH");
    assert_eq!(problem["charged"], false);
    let mut right = body(hold.reservation);
    right["amount"] = json!(AMOUNT);
    let _created = with_token.post("/payments", &right).await.expect(201);

    let over = market.hold(-1.0).await;
    market
        .create(&over, Uuid::now_v7())
        .await
        .expect_problem(409, "HOLD_EXPIRED");
    assert_ne!(over.concert, hold.concert);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_that_ended_before_the_confirm_is_not_charged() {
    let market = Market::open().await;
    let (by_our_books, by_theirs) = (market.hold(60.0).await, market.hold(60.0).await);
    for (hold, ends) in [
        (
            by_our_books,
            "update payment_service.payments set expires_at = clock_timestamp() where reservation_id = $1",
        ),
        (
            by_theirs,
            "update reservation_service.seat_assignments set expires_at = clock_timestamp() where reservation_id = $1",
        ),
    ] {
        let payment = market.begin(&hold).await;
        let token = market.portone.window(payment.given.id, "PAY").await.unwrap();
        market.run(ends, hold.reservation).await;
        let problem = market
            .confirm(payment, &token)
            .await
            .expect_problem(409, "HOLD_EXPIRED");
        assert_eq!(problem["charged"], false);
        assert_eq!(market.portone.books(payment.given.id).await, (0, 0));
        assert!(market.said(payment.given).await.is_empty());
        // Again is the same answer.
        market
            .confirm(payment, &token)
            .await
            .expect_problem(409, "HOLD_EXPIRED");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_seats_than_when_the_payment_was_begun_are_not_charged() {
    let market = Market::open().await;
    let hold = market.hold(60.0).await;
    let payment = market.begin(&hold).await;
    let token = market.portone.window(payment.given.id, "PAY").await.unwrap();
    let swap = "update reservation_service.reservation_seats set seat_id = gen_random_uuid() where reservation_id = $1";
    market.run(swap, hold.reservation).await;
    let problem = market
        .confirm(payment, &token)
        .await
        .expect_problem(409, "PAYMENT_NOT_PENDING");
    assert_eq!(problem["failureReason"], "RESERVATION_CHANGED");
    let free = || async { (!market.reservation(&hold).await.2).then_some(()) };
    eventually("the lock is given back", SOON, free).await;
    assert_eq!(market.reservation(&hold).await.0, "PENDING");
    assert_eq!(market.portone.books(payment.given.id).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_portone_cannot_be_reached_nothing_is_begun_and_the_hold_stays_payable() {
    let mut market = Market::open().await;
    let hold = market.hold(60.0).await;
    let key = Uuid::now_v7();
    market.portone.faults(json!({"preRegister": {"errorRate": 1.0}})).await;
    let problem = market
        .create(&hold, key)
        .await
        .expect_problem(503, "SERVICE_UNAVAILABLE");
    assert_eq!(problem["charged"], false);
    market.portone.heal().await;
    let again = market.create(&hold, key).await.expect(200);
    assert!(again["checkout"].is_object());

    let payment = market.begin(&hold).await;
    let token = market.portone.window(payment.given.id, "PAY").await.unwrap();
    market.stop_portone();
    let reply = market.confirm(payment, &token).await;
    assert!(reply.header("retry-after").is_some());
    let problem = reply.expect_problem(503, "SERVICE_UNAVAILABLE");
    assert_eq!(problem["charged"], false);
    assert_eq!(market.reservation(&hold).await, ("PENDING".to_owned(), None, false));
    let undone =
        "select count(*) from payment_service.payments where status = 'PENDING' and confirm_started_at is null";
    assert_eq!(market.count(undone).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_two_declines_allowed_the_first_leaves_the_hold() {
    let market = Market::with(&[("PAYMENT_MAX_DECLINES", "2")]).await;
    let hold = market.hold(60.0).await;
    let first = market.begin(&hold).await;
    market
        .pay(first, "PAY_DECLINED_ON_CONFIRM")
        .await
        .expect_problem(402, "PAYMENT_DECLINED");
    let free = || async { (!market.reservation(&hold).await.2).then_some(()) };
    eventually("the lock is given back", SOON, free).await;
    assert!(market.said(first.given).await.is_empty());

    let second = market.begin(&hold).await;
    let _paid = market.pay(second, "PAY").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buyer_who_hangs_up_has_paid_all_the_same() {
    let market = Market::open().await;
    let hold = market.hold(60.0).await;
    let payment = market.begin(&hold).await;
    let token = market.portone.window(payment.given.id, "PAY").await.unwrap();
    market.portone.faults(json!({"confirm": {"delayMs": 4000}})).await;
    let begun = "select count(*) from payment_service.payments where confirm_started_at is not null";
    let is_begun = eventually("the confirm has begun", SOON, || async {
        (market.count(begun).await == 1).then_some(())
    });
    tokio::select! {
        reply = market.confirm(payment, &token) => panic!("it was answered before the buyer could hang up: {reply:?}"),
        () = is_begun => {}
    }
    // Sooner than any reconciliation.
    market.until(payment.given, "SUCCESS").await;
    assert_eq!(market.said(payment.given).await, ["PaymentSuccess"]);
}
