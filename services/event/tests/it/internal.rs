use crate::helpers::App;
use common::internal_auth::Service;
use serde_json::json;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn queue_and_reservation_service_learn_the_sale_window() {
    let app = App::start().await;
    let hall = app.hall(2).await;
    let body = app.event_body(&hall);
    let event = app.event_with(body.clone()).await;
    for service in [Service::Queue, Service::Reservation] {
        let reply = app
            .as_service(service)
            .get(&format!("/internal/events/{event}"))
            .await
            .expect(200);
        assert_eq!(
            reply,
            json!({
                "eventId": event,
                "title": body["title"],
                "artist": body["artist"],
                "venueName": "Olympic Hall",
                "hallName": "Main hall",
                "status": "ONGOING",
                "saleStartAt": body["saleStartAt"],
                "saleEndAt": body["saleEndAt"],
                "eventStartAt": body["eventStartAt"],
                "eventEndAt": body["eventEndAt"],
                "maxTicketsPerUser": 4,
            })
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reservation_service_gets_catalogue_and_sold_seats() {
    let app = App::start().await;
    let event = app.event().await;
    let reservation = app.as_service(Service::Reservation);
    let catalogue = reservation
        .get(&format!("/internal/events/{event}/seats"))
        .await
        .expect(200);
    assert_eq!(
        (&catalogue["eventId"], &catalogue["version"]),
        (&json!(event), &json!(1))
    );
    let numbers: Vec<_> = catalogue["seats"]
        .as_array()
        .unwrap()
        .iter()
        .map(|seat| seat["seatNumber"].clone())
        .collect();
    assert_eq!(numbers, ["A-1", "A-2", "B-1", "B-2"]);
    assert_eq!(
        (&catalogue["seats"][2]["grade"], &catalogue["seats"][2]["price"]),
        (&json!("S"), &json!(100_000))
    );

    let sold = reservation
        .get(&format!("/internal/seats/status/{event}"))
        .await
        .expect(200);
    assert_eq!(sold, json!({"eventId": event, "soldSeatIds": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_event_is_told_by_its_code() {
    let app = App::start().await;
    let unknown = Uuid::now_v7();
    let reservation = app.as_service(Service::Reservation);
    for path in [
        format!("/internal/events/{unknown}"),
        format!("/internal/events/{unknown}/seats"),
        format!("/internal/seats/status/{unknown}"),
    ] {
        reservation.get(&path).await.expect_problem(404, "EVENT_NOT_FOUND");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_gets_in() {
    let app = App::start().await;
    let event = app.event().await;
    let paths = [
        format!("/internal/events/{event}"),
        format!("/internal/events/{event}/seats"),
        format!("/internal/seats/status/{event}"),
    ];
    for path in &paths {
        for service in [Service::Gateway, Service::User, Service::Payment] {
            app.as_service(service).get(path).await.expect_problem(403, "FORBIDDEN");
        }
        app.admin.get(path).await.expect_problem(403, "FORBIDDEN");
    }
    app.as_service(Service::Queue)
        .get(&paths[1])
        .await
        .expect_problem(403, "FORBIDDEN");
    app.as_service(Service::Reservation)
        .get("/events")
        .await
        .expect_problem(403, "FORBIDDEN");
    test_support::Api::new(&app.running.url())
        .get("/events")
        .await
        .expect_problem(403, "FORBIDDEN");
}
