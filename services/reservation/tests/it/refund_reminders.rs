use crate::helpers::{App, SOON};
use reservation_service::{Config, build};
use test_support::{Login, Running, eventually};

/// The message may lie among the dead letters, and the payment service's saga of a confirmed booking waits for nothing.
#[tokio::test]
async fn money_due_for_long_is_asked_for_once_more() {
    let app = App::start().await;
    let (old, young) = (app.buyer(), app.buyer());
    let (forgotten, fresh) = (old.hold(&[1, 2]).await, young.hold(&[3]).await);
    for (buyer, id) in [(&old, forgotten), (&young, fresh)] {
        app.confirm(id).await;
        let _ = buyer.api.delete(&format!("/reservations/{id}")).await.expect(200);
    }
    for statement in [
        "update common.outbox_events set published = true, published_at = clock_timestamp() where aggregate_id = $1",
        "update reservation_service.reservations
         set refund_requested_at = clock_timestamp() - interval '1 hour' where id = $1",
    ] {
        sqlx::query(statement)
            .bind(forgotten)
            .execute(&app.database)
            .await
            .unwrap();
    }

    // A replica looks as soon as it starts.
    let config = Config::from_env(&app.env.env(Some(Login::Reservation))).unwrap();
    let _replica = Running::start(build(config).await.unwrap());
    let told = eventually("the money is asked for again", SOON, async || {
        let told = app.messages("ReservationCancelled", forgotten).await;
        (told.len() > 1).then_some(told)
    })
    .await;
    assert_eq!(told.len(), 2);
    assert_eq!(told[0], told[1]);
    assert_eq!(app.messages("ReservationCancelled", fresh).await.len(), 1);
    assert_eq!(old.reservation(forgotten).await["refund"]["status"], "REQUESTED");
}
