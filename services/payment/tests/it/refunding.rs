//! Money goes back once, whoever wants it back and whatever fails meanwhile (design.md §8.4).

use serde_json::json;
use uuid::Uuid;

use crate::world::{AMOUNT, Given, SOON, World};
use test_support::eventually;

pub(crate) async fn request_refund(world: &World, payment: Given) {
    sqlx::query(
        r#"
            insert into payment_service.refunds (id, payment_id, amount, reason, deadline_at)
            values ($1, $2, $3, 'RESERVATION_CANCELLED', clock_timestamp() + interval '24 h')
        "#,
    )
    .bind(Uuid::now_v7())
    .bind(payment.id)
    .bind(AMOUNT)
    .execute(&world.db)
    .await
    .unwrap();
}

pub(crate) async fn refund_status(world: &World, payment: Given) -> String {
    sqlx::query_scalar("select status from payment_service.refunds where payment_id = $1")
        .bind(payment.id)
        .fetch_one(&world.db)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_gives_the_whole_amount_back_and_says_so() {
    let world = World::start().await;
    let payment = world.paid().await;
    request_refund(&world, payment).await;
    world.until(payment, "REFUNDED").await;
    assert_eq!(world.portone.books(payment.id).await, (AMOUNT, AMOUNT));
    assert_eq!(refund_status(&world, payment).await, "SUCCEEDED");
    assert_eq!(world.said(payment).await, ["PaymentSuccess", "PaymentRefunded"]);
    assert_eq!(world.saga(payment).await, "REFUNDED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_whose_reply_was_lost_is_not_repeated() {
    let world = World::start().await;
    let payment = world.paid().await;
    world
        .portone
        .faults(json!({"cancel": {"dropReplyAfterEffectRate": 1.0}}))
        .await;
    request_refund(&world, payment).await;
    world.until(payment, "REFUNDED").await;
    assert_eq!(world.portone.books(payment.id).await, (AMOUNT, AMOUNT));
    assert_eq!(world.said(payment).await, ["PaymentSuccess", "PaymentRefunded"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_is_tried_until_it_succeeds() {
    let world = World::start().await;
    let _second = world.replica().await;
    let payment = world.paid().await;
    world.portone.faults(json!({"cancel": {"errorRate": 1.0}})).await;
    request_refund(&world, payment).await;
    let attempts = "select attempts::bigint from payment_service.refunds";
    eventually("three tries", SOON, || async {
        (world.count(attempts).await >= 3).then_some(())
    })
    .await;
    assert_eq!(world.status(payment).await.0, "SUCCESS");

    world.portone.heal().await;
    world.until(payment, "REFUNDED").await;
    assert_eq!(world.portone.books(payment.id).await, (AMOUNT, AMOUNT));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_is_left_to_the_operator_after_its_deadline_and_can_be_tried_again() {
    let world = World::start().await;
    let payment = world.paid().await;
    world.portone.faults(json!({"cancel": {"errorRate": 1.0}})).await;
    request_refund(&world, payment).await;
    world
        .run(
            "update payment_service.refunds set deadline_at = clock_timestamp() where payment_id = $1",
            payment.id,
        )
        .await;
    let failed = || async { (refund_status(&world, payment).await == "FAILED").then_some(()) };
    eventually("the refund is given up", SOON, failed).await;
    assert_eq!(world.status(payment).await.0, "SUCCESS");

    world.portone.heal().await;
    let retry = "
        update payment_service.refunds
        set status = 'REQUESTED', next_attempt_at = clock_timestamp(), deadline_at = clock_timestamp() + interval '1 h'
        where payment_id = $1";
    world.run(retry, payment.id).await;
    world.until(payment, "REFUNDED").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_gave_back_in_part_is_completed() {
    let world = World::start().await;
    let payment = world.paid().await;
    world.portone.cancel_by_hand(payment.id, Some(1)).await;
    request_refund(&world, payment).await;
    world.until(payment, "REFUNDED").await;
    assert_eq!(world.portone.books(payment.id).await, (AMOUNT, AMOUNT));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_one_refund_per_payment() {
    let world = World::start().await;
    let payment = world.paid().await;
    request_refund(&world, payment).await;
    let again = sqlx::query(
        "insert into payment_service.refunds (id, payment_id, amount, reason, deadline_at)
         values ($1, $2, 1, 'AGAIN', clock_timestamp())",
    )
    .bind(Uuid::now_v7())
    .bind(payment.id)
    .execute(&world.db)
    .await
    .unwrap_err();
    assert_eq!(
        again.as_database_error().unwrap().constraint(),
        Some("refunds_payment_id_key")
    );
}

/// A cancelled event asks for many refunds at once, and PortOne is slow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_refund_does_not_wait_for_those_of_a_cancelled_event() {
    let world = World::start().await;
    let payment = world.paid().await;
    world.portone.faults(json!({"get": {"delayMs": 500}})).await;
    // PortOne does not know these payments, so each try only takes its time.
    let many = r#"
        with given as materialized (
            select uuidv7() as id, uuidv7() as reservation_id, $1 as user_id from generate_series(1, 300)
        ), sagas as (
            insert into payment_service.payment_sagas (reservation_id, user_id, payment_id)
            select reservation_id, user_id, id from given
        ), paid as (
            insert into payment_service.payments (
                id, reservation_id, user_id, payment_key, payment_method, amount, concert_id, seat_ids,
                reservation_version, order_name, expires_at
            )
            select id, reservation_id, user_id, uuidv7(), 'CARD', 1000, uuidv7(), array[uuidv7()],
                1, 'A concert', clock_timestamp() + interval '1 h'
            from given
        )
        insert into payment_service.refunds (id, payment_id, amount, reason, deadline_at)
        select uuidv7(), id, 1000, 'EVENT_CANCELLED', clock_timestamp() + interval '24 h' from given"#;
    world.run(many, Uuid::now_v7()).await;
    let tried = "select count(*) from payment_service.refunds where attempts > 0";
    eventually("they are being tried", SOON, || async {
        (world.count(tried).await > 0).then_some(())
    })
    .await;
    let at_once = "select count(*) from payment_service.refunds where status = 'PROCESSING' and last_error is null";
    assert!(world.count(at_once).await <= 20, "a bounded number at once");

    request_refund(&world, payment).await;
    world.until(payment, "REFUNDED").await;
    let untried = "select count(*) from payment_service.refunds where attempts = 0";
    assert!(
        world.count(untried).await > 0,
        "it went out before many that were asked for earlier"
    );
}
