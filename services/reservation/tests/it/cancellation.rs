use crate::helpers::App;
use serde_json::{Value, json};
use test_support::TestEnv;

#[tokio::test]
async fn cancelling_a_paid_reservation_refunds_it_and_says_so_each_time() {
    let app = App::start().await;
    let buyer = app.buyer();
    let id = buyer.hold(&[1, 2]).await;
    app.confirm(id).await;
    assert_eq!(app.seats("SOLD").await, [1, 2]);
    let path = format!("/reservations/{id}");
    app.buyer().api.delete(&path).await.expect_problem(404, "NOT_FOUND");

    let first = buyer.api.delete(&path).await.expect(200);
    let due = json!({"reservationId": id, "status": "CANCELLED", "refund": {"status": "REQUESTED", "amount": 300_000}});
    assert_eq!(first, due);
    sqlx::query("update reservation_service.reservations set refund_status = 'SUCCEEDED' where id = $1")
        .bind(id)
        .execute(&app.database)
        .await
        .unwrap();
    assert_eq!(buyer.api.delete(&path).await.expect(200), due);
    assert_eq!(buyer.reservation(id).await["refund"]["status"], "SUCCEEDED");

    let told = app.messages("ReservationCancelled", id).await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["reason"], &told[0]["wasConfirmed"]),
        (&json!("USER_REQUEST"), &json!(true))
    );
    assert!(told[0]["paymentId"].is_string() && told[0]["grantId"].is_string());
    assert_eq!(app.seats("AVAILABLE").await.len(), 12);
}

#[tokio::test]
async fn a_paid_reservation_cannot_be_cancelled_on_the_day_of_the_event() {
    let app = App::start_in(TestEnv::new().await.with("CATALOGUE_TTL_SECONDS", 0)).await;
    app.neighbours.known().event.event_start_at = common::Clock::system().now();
    let buyer = app.buyer();
    let id = buyer.hold(&[1]).await;
    app.confirm(id).await;
    let path = format!("/reservations/{id}");
    buyer.api.delete(&path).await.expect_problem(409, "CANCELLATION_CLOSED");
    assert_eq!(buyer.reservation(id).await["status"], "CONFIRMED");
}

#[tokio::test]
async fn cancelling_a_hold_refunds_nothing_and_a_running_payment_forbids_it() {
    let app = App::start().await;
    let buyer = app.buyer();
    let id = buyer.hold(&[1]).await;
    let _ = app.lock(&buyer, id, uuid::Uuid::now_v7(), 150_000).await.expect(200);
    for path in [format!("/reservations/{id}"), format!("/reservations/hold/{id}")] {
        buyer.api.delete(&path).await.expect_problem(409, "PAYMENT_IN_PROGRESS");
    }

    let other = app.buyer();
    let id = other.hold(&[2]).await;
    let cancelled = other.api.delete(&format!("/reservations/{id}")).await.expect(200);
    assert_eq!(
        (&cancelled["status"], &cancelled["refund"]),
        (&json!("CANCELLED"), &Value::Null)
    );
}
