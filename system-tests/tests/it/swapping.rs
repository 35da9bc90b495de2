//! Other seats instead of held ones, through the gateway.

use serde_json::json;
use system_tests::{Buyer, Outcome, System};

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_changes_seats_and_pays_for_the_new_ones() {
    let system = System::start().await;
    let sale = system.admin().await.open_sale(2, 4).await;
    let (buyer, other) = (Buyer::register(&system).await, Buyer::register(&system).await);
    let hold = buyer.queue_and_hold(&sale, 2).await;
    let theirs = other.queue_and_hold(&sale, 1).await;
    buyer
        .try_swap(&hold, &[hold.seat_ids[0], theirs.seat_ids[0]])
        .await
        .expect_problem(409, "SEAT_UNAVAILABLE");

    let free = buyer.free_seats(&sale, 2).await;
    let wanted = [hold.seat_ids[1], free[0], free[1]];
    let swapped = buyer.swap(&hold, &wanted).await;
    assert_eq!(swapped.reservation_id, hold.reservation_id);
    assert!(swapped.amount > hold.amount);
    let again = buyer.try_swap(&hold, &wanted).await.expect(200);
    assert_eq!(again["totalAmount"], swapped.amount);
    assert_eq!(buyer.seat_status(&sale, hold.seat_ids[0]).await, "AVAILABLE");
    buyer.try_swap(&theirs, &wanted).await.expect_problem(404, "NOT_FOUND");

    let payment = buyer.pay(&swapped).await;
    assert_eq!(
        (&payment["status"], &payment["amount"]),
        (&json!("SUCCESS"), &json!(swapped.amount))
    );
    let _confirmed = buyer.wait_for(swapped.reservation_id, "CONFIRMED").await;
    for seat in wanted {
        buyer.wait_for_seat(&sale, seat, "SOLD").await;
    }
    buyer
        .try_swap(&swapped, &hold.seat_ids)
        .await
        .expect_problem(409, "RESERVATION_NOT_PENDING");
    // The seat that was given up is another buyer's to have.
    let theirs = other.swap(&theirs, &hold.seat_ids[..1]).await;
    let _payment = other.pay(&theirs).await;
    let _confirmed = other.wait_for(theirs.reservation_id, "CONFIRMED").await;
    system.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_was_registered_before_a_swap_is_refused_uncharged() {
    let system = System::start().await;
    let sale = system.admin().await.open_sale(1, 4).await;
    let buyer = Buyer::register(&system).await;
    let hold = buyer.queue_and_hold(&sale, 2).await;
    let (key, token) = buyer.pay_in_window(&hold, Outcome::Pay).await;
    // As many seats of the same grade: only which they are tells the difference.
    let free = buyer.free_seats(&sale, 2).await;
    let swapped = buyer.swap(&hold, &free).await;
    assert_eq!(swapped.amount, hold.amount);

    let problem = buyer
        .confirm(key, &token)
        .await
        .expect_problem(409, "PAYMENT_NOT_PENDING");
    assert_eq!(
        (&problem["charged"], &problem["failureReason"]),
        (&json!(false), &json!("RESERVATION_CHANGED"))
    );
    let reservation = buyer.reservation(hold.reservation_id).await.expect(200);
    assert_eq!(reservation["status"], "PENDING", "the hold of the new seats lives on");

    let _payment = buyer.pay(&swapped).await;
    let _confirmed = buyer.wait_for(swapped.reservation_id, "CONFIRMED").await;
    let books = system.audit().await;
    assert_eq!(
        books
            .count("SELECT count(*) FROM payment_service.payments WHERE captured")
            .await,
        1
    );
}
