use crate::helpers::{App, hold_body, uuid};
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

#[tokio::test]
async fn of_fifty_buyers_one_gets_the_seat_and_all_others_a_409() {
    let app = App::start().await;
    let mut race = JoinSet::new();
    for _ in 0..50 {
        let buyer = app.buyer();
        race.spawn(async move { buyer.try_hold(&[1]).await });
    }
    let (mut won, mut lost) = (Vec::new(), 0);
    for reply in race.join_all().await {
        if reply.status.as_u16() == 201 {
            won.push(uuid(&reply.body["reservationId"]));
        } else {
            let problem = reply.expect_problem(409, "SEAT_UNAVAILABLE");
            assert_eq!(problem["seatIds"], json!([Uuid::from_u128(1)]));
            lost += 1;
        }
    }
    assert_eq!((won.len(), lost), (1, 49));
    assert_eq!(app.redis_holder(1).await, Some(won[0]));
    assert_eq!(app.seats("HOLD").await, [1]);
}

#[tokio::test]
async fn without_redis_holds_the_database_still_lets_one_win() {
    let app = App::start().await;
    let flusher = app.redis().await;
    let mut race = JoinSet::new();
    for _ in 0..20 {
        let (buyer, mut redis) = (app.buyer(), flusher.clone());
        race.spawn(async move {
            // What Redis has just learned is lost again and again.
            redis::cmd("FLUSHDB").query_async::<()>(&mut redis).await.unwrap();
            buyer.try_hold(&[1, 2]).await
        });
    }
    let statuses: Vec<u16> = race
        .join_all()
        .await
        .iter()
        .map(|reply| reply.status.as_u16())
        .collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 201).count(),
        1,
        "{statuses:?}"
    );
    assert!(
        statuses.iter().all(|status| [201, 409].contains(status)),
        "{statuses:?}"
    );
}

#[tokio::test]
async fn a_double_click_gives_one_reservation_twice() {
    let app = App::start().await;
    for seat in 1..=10 {
        let buyer = app.buyer();
        let body = hold_body(app.event_id, &[seat]);
        let (first, second, third) = tokio::join!(
            buyer.api.post("/reservations/hold", &body),
            buyer.api.post("/reservations/hold", &body),
            buyer.api.post("/reservations/hold", &body)
        );
        let mut statuses = [first.status.as_u16(), second.status.as_u16(), third.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 201]);
        assert_eq!(first.body["reservationId"], second.body["reservationId"]);
        assert_eq!(first.body["reservationId"], third.body["reservationId"]);
        assert_eq!(app.redis_holder(seat).await, Some(uuid(&first.body["reservationId"])));
    }
}
