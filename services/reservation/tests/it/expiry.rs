use crate::helpers::{App, SOON};
use serde_json::json;
use test_support::{TestEnv, eventually};

#[tokio::test]
async fn an_unpaid_hold_ends_by_itself_within_five_seconds() {
    let app = App::start_in(TestEnv::new().await.with("HOLD_TTL_SECONDS", 4)).await;
    let buyer = app.buyer();
    let id = buyer.hold(&[1, 2]).await;
    assert_eq!(app.seats("HOLD").await, [1, 2]);
    eventually("the hold is swept", SOON, async || {
        (buyer.reservation(id).await["status"] == "CANCELLED").then_some(())
    })
    .await;
    // By the database's clock: how late this test looked is another matter. The sweep comes each second.
    let late: f64 = sqlx::query_scalar(
        "select extract(epoch from cancelled_at - hold_expires_at)::float8 from reservation_service.reservations where id = $1",
    )
    .bind(id)
    .fetch_one(&app.database)
    .await
    .unwrap();
    assert!((0.0..5.0).contains(&late), "{late} s");
    assert_eq!(buyer.reservation(id).await["cancelReason"], "HOLD_EXPIRED");
    assert_eq!(app.redis_holder(1).await, None);
    let told = app.messages("ReservationCancelled", id).await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["reason"], &told[0]["wasConfirmed"]),
        (&json!("HOLD_EXPIRED"), &json!(false))
    );
    app.buyer().hold(&[1, 2]).await;
}

#[tokio::test]
async fn an_expired_hold_is_free_before_it_is_swept() {
    let app = App::start_in(TestEnv::new().await.with("SWEEP_INTERVAL_SECONDS", 600)).await;
    let first = app.buyer();
    let old = first.hold(&[1, 2]).await;
    app.run_out(old).await;
    assert_eq!(app.seats("HOLD").await, [0; 0]);
    let path = format!("/reservations/hold/{old}/payment-token");
    first
        .api
        .post(&path, &json!({}))
        .await
        .expect_problem(409, "HOLD_EXPIRED");

    let new = app.buyer().hold(&[2]).await;
    assert_eq!(first.reservation(old).await["cancelReason"], "HOLD_EXPIRED");
    assert_eq!(app.redis_holder(2).await, Some(new));
}
