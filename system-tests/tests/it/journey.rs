use serde_json::json;
use system_tests::{Buyer, Outcome, System};

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_comes_from_registration_to_sold_seats() {
    let system = System::start().await;
    let sale = system.admin().await.open_sale(2, 5).await;
    let buyer = Buyer::register(&system).await;

    let hold = buyer.queue_and_hold(&sale, 2).await;
    assert_eq!(hold.amount, 300_000, "two VIP seats");
    assert_eq!(buyer.seat_status(&sale, hold.seat_ids[0]).await, "HOLD");
    let payment = buyer.pay(&hold).await;
    assert_eq!(payment["status"], "SUCCESS");

    let reservation = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
    assert_eq!(reservation["seats"].as_array().map(Vec::len), Some(2));
    for seat in &hold.seat_ids {
        buyer.wait_for_seat(&sale, *seat, "SOLD").await;
        assert_eq!(buyer.seat_status(&sale, *seat).await, "SOLD");
    }
    let books = system.audit().await;
    assert_eq!(
        books
            .count("SELECT count(*) FROM reservation_service.reservations WHERE status = 'CONFIRMED'")
            .await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_card_costs_nothing_and_gives_the_seats_back() {
    let system = System::start().await;
    let sale = system.admin().await.open_sale(1, 4).await;
    let buyer = Buyer::register(&system).await;
    let token = buyer.queue(&sale).await;
    let seats = buyer.free_seats(&sale, 2).await;
    let hold = buyer.hold(&sale, &token, &seats).await;

    let (key, window) = buyer.pay_in_window(&hold, Outcome::DeclinedOnConfirm).await;
    let problem = buyer
        .confirm(key, &window)
        .await
        .expect_problem(402, "PAYMENT_DECLINED");
    assert_eq!(problem["charged"], false);
    let reservation = buyer.wait_for(hold.reservation_id, "CANCELLED").await;
    assert_eq!(reservation["cancelReason"], "PAYMENT_FAILED");

    // The buyer's place remains: the same seats can be chosen again with the same token, and paid for.
    let again = buyer.hold(&sale, &token, &seats).await;
    let _payment = buyer.pay(&again).await;
    let _confirmed = buyer.wait_for(again.reservation_id, "CONFIRMED").await;
    system.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_hold_gives_the_seats_back_within_five_seconds() {
    let system = System::start_with(&[("HOLD_TTL_SECONDS", "6")]).await;
    let sale = system.admin().await.open_sale(1, 4).await;
    let (slow, quick) = (Buyer::register(&system).await, Buyer::register(&system).await);
    let token = quick.queue(&sale).await;
    let hold = slow.queue_and_hold(&sale, 1).await;
    quick
        .try_hold(&sale, &token, &hold.seat_ids)
        .await
        .expect_problem(409, "SEAT_UNAVAILABLE");

    let reservation = slow.wait_for(hold.reservation_id, "CANCELLED").await;
    assert_eq!(reservation["cancelReason"], "HOLD_EXPIRED");
    // By the database's clock: how late this test looked is another matter.
    let in_time = "SELECT count(*) FROM reservation_service.reservations
        WHERE cancel_reason = 'HOLD_EXPIRED' AND cancelled_at BETWEEN hold_expires_at AND hold_expires_at + interval '5 s'";
    let in_time = system_tests::count(&system.env().superuser_url(), in_time).await;
    assert_eq!(in_time, 1, "I4: TTL + 5 s; {reservation}");
    let late = slow.create_payment(&hold, uuid::Uuid::new_v4()).await;
    assert_eq!(late.status.as_u16(), 409, "{late:?}");

    let hold = quick.hold(&sale, &token, &hold.seat_ids).await;
    let _payment = quick.pay(&hold).await;
    let _confirmed = quick.wait_for(hold.reservation_id, "CONFIRMED").await;
    system.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_reservation_is_refunded_and_its_seats_are_free_again() {
    let system = System::start().await;
    let sale = system.admin().await.open_sale(1, 2).await;
    let buyer = Buyer::register(&system).await;
    let hold = buyer.queue_and_hold(&sale, 2).await;
    let _payment = buyer.pay(&hold).await;
    let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
    buyer.wait_for_seat(&sale, hold.seat_ids[0], "SOLD").await;

    let path = format!("/reservations/{}", hold.reservation_id);
    let cancelled = buyer.api().delete(&path).await.expect(200);
    assert_eq!(
        (&cancelled["status"], &cancelled["refund"]["amount"]),
        (&json!("CANCELLED"), &json!(hold.amount))
    );
    let again = buyer.api().delete(&path).await.expect(200);
    assert_eq!(
        again["reservationId"], cancelled["reservationId"],
        "a repeated cancellation gives the same answer"
    );

    let refunded = buyer.wait_for_refund(hold.reservation_id).await;
    assert_eq!(refunded["refund"]["amount"], hold.amount);
    for seat in &hold.seat_ids {
        buyer.wait_for_seat(&sale, *seat, "AVAILABLE").await;
    }
    let books = system.audit().await;
    assert_eq!(
        books
            .count("SELECT count(*) FROM payment_service.payments WHERE status = 'REFUNDED'")
            .await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_hold_frees_the_seats_at_once_and_keeps_the_place() {
    let system = System::start().await;
    let sale = system.admin().await.open_sale(1, 2).await;
    let buyer = Buyer::register(&system).await;
    let token = buyer.queue(&sale).await;
    let seats = buyer.free_seats(&sale, 2).await;
    let hold = buyer.hold(&sale, &token, &seats).await;
    let released = buyer
        .api()
        .delete(&format!("/reservations/hold/{}", hold.reservation_id))
        .await;
    assert_eq!(released.status.as_u16(), 204, "{released:?}");
    assert_eq!(buyer.seat_status(&sale, seats[0]).await, "AVAILABLE");
    let _again = buyer.hold(&sale, &token, &seats).await;
    system.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seats_again_are_the_same_reservation() {
    let system = System::start().await;
    let sale = system.admin().await.open_sale(1, 4).await;
    let buyer = Buyer::register(&system).await;
    let token = buyer.queue(&sale).await;
    let seats = buyer.free_seats(&sale, 3).await;
    let hold = buyer.hold(&sale, &token, &seats[..2]).await;
    let again = buyer.try_hold(&sale, &token, &seats[..2]).await.expect(200);
    assert_eq!(again["reservationId"], json!(hold.reservation_id));
    buyer
        .try_hold(&sale, &token, &seats[2..])
        .await
        .expect_problem(409, "HOLD_EXISTS");
}
