//! The payment gateway behind PortOne does not say yes or no to a confirm (design.md §8.3): unknown is neither.

use serde_json::json;
use test_support::eventually;

use crate::{
    market::Market,
    world::{AMOUNT, SOON, World},
};

const SOON_RECONCILED: [(&str, &str); 3] = [
    ("RECONCILE_AFTER_SECONDS", "0.1"),
    ("RECONCILE_INTERVAL_SECONDS", "0.1"),
    ("RECONCILE_NOT_CHARGED_AFTER_SECONDS", "1"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_error_that_leaves_the_payment_ready_is_unknown_and_not_charged_in_the_end() {
    let market = Market::with(&SOON_RECONCILED).await;
    let hold = market.hold(60.0).await;
    let payment = market.begin(&hold).await;
    let pending = market.pay(payment, "PAY_STUMBLES_ON_CONFIRM").await.expect(202);
    assert_eq!(pending["status"], "PENDING");
    assert_eq!(
        market.until(payment.given, "FAILED").await.as_deref(),
        Some("NOT_CHARGED")
    );
    assert_eq!(market.said(payment.given).await, ["PaymentFailed"]);
    assert_eq!(market.portone.books(payment.given.id).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_has_not_made_up_its_mind_is_waited_for() {
    let market = Market::with(&SOON_RECONCILED).await;
    let hold = market.hold(60.0).await;
    let payment = market.begin(&hold).await;
    let _pending = market.pay(payment, "PAY_PENDING_ON_CONFIRM").await.expect(202);
    // Long enough for a payment that is READY to be given up.
    let old =
        "update payment_service.payments set confirm_started_at = confirm_started_at - interval '1 h' where id = $1";
    market.run(old, payment.given.id).await;
    for status in ["PAY_PENDING", "VIRTUAL_ACCOUNT_ISSUED"] {
        market.portone.becomes(payment.given.id, status).await;
        market.due(payment.given).await;
        let asked = "select count(*) from payment_service.payments where next_check_at > clock_timestamp()";
        eventually("PortOne was asked", SOON, || async {
            (market.count(asked).await == 1).then_some(())
        })
        .await;
        assert_eq!(market.status(payment.given).await.0, "PENDING");
    }
    market.portone.becomes(payment.given.id, "PAID").await;
    market.until(payment.given, "SUCCESS").await;
    assert_eq!(market.said(payment.given).await, ["PaymentSuccess"]);
    assert_eq!(market.portone.books(payment.given.id).await, (AMOUNT, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_behind_which_the_buyer_was_charged_is_no_decline() {
    let market = Market::with(&SOON_RECONCILED).await;
    let hold = market.hold(60.0).await;
    let payment = market.begin(&hold).await;
    market
        .portone
        .faults(json!({"confirm": {"errorAfterEffectRate": 1.0}}))
        .await;
    let _pending = market.pay(payment, "PAY").await.expect(202);
    market.until(payment.given, "SUCCESS").await;
    assert_eq!(market.portone.books(payment.given.id).await, (AMOUNT, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_decline_that_is_allowed_ends_the_reservation() {
    let market = Market::with_topics(&[("PAYMENT_MAX_DECLINES", "2")]).await;
    let hold = market.hold(60.0).await;
    for _ in 0..2 {
        let free = || async { (!market.reservation(&hold).await.2).then_some(()) };
        eventually("nobody has the lock", SOON, free).await;
        let payment = market.begin(&hold).await;
        let declined = market.pay(payment, "PAY_DECLINED_ON_CONFIRM").await;
        declined.expect_problem(402, "PAYMENT_DECLINED");
    }
    let reason = market.until_reservation(&hold, "CANCELLED").await;
    assert_eq!(reason.as_deref(), Some("PAYMENT_FAILED"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_payment_is_read_again_after_ten_minutes_an_hour_and_a_day() {
    let world = World::start().await;
    let payment = world.confirming(200.0).await;
    world.due(payment).await;
    world.until(payment, "FAILED").await;
    for (age, next) in [
        (0.0, Some(600.0)),
        (601.0, Some(3600.0)),
        (3601.0, Some(86400.0)),
        (86401.0, None),
    ] {
        if age > 0.0 {
            sqlx::query(
                "update payment_service.payments
                 set confirm_started_at = clock_timestamp() - make_interval(secs => $2), next_check_at = clock_timestamp()
                 where id = $1",
            )
            .bind(payment.id)
            .bind(age)
            .execute(&world.db)
            .await
            .unwrap();
        }
        eventually(&format!("the read after {age} s is done"), SOON, || async {
            let due: Option<f64> = sqlx::query_scalar(
                "select extract(epoch from next_check_at - confirm_started_at)::float8
                 from payment_service.payments where id = $1",
            )
            .bind(payment.id)
            .fetch_one(&world.db)
            .await
            .unwrap();
            (due == next).then_some(())
        })
        .await;
    }
    assert_eq!(world.said(payment).await, ["PaymentFailed"]);
}
