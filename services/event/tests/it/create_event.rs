use crate::helpers::{App, broken_fields, id, text, with};
use serde_json::{Value, json};
use std::{collections::HashSet, time::Instant};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_event_has_all_that_was_said_and_its_halls_seats() {
    let app = App::start().await;
    let hall = app.hall(2).await;
    let body = app.event_body(&hall);
    let reply = app.admin.post("/events", &body).await;
    let location = reply.header("location").map(str::to_owned);
    let event = reply.expect(201);
    assert_eq!(location, Some(format!("/events/{}", id(&event))));
    for field in [
        "title",
        "artist",
        "description",
        "eventStartAt",
        "eventEndAt",
        "saleStartAt",
        "saleEndAt",
    ] {
        assert_eq!(event[field], body[field], "{field}");
    }
    assert_eq!(event["status"], "ONGOING");
    assert_eq!(event["maxTicketsPerUser"], 4);
    assert_eq!(
        event["prices"],
        json!([{"grade": "VIP", "price": 150_000}, {"grade": "S", "price": 100_000}])
    );
    assert_eq!(
        (event["minPrice"].as_i64(), event["maxPrice"].as_i64()),
        (Some(100_000), Some(150_000))
    );
    assert_eq!(
        event["seatCounts"],
        json!([{"grade": "VIP", "total": 2, "available": 2}, {"grade": "S", "total": 2, "available": 2}])
    );
    assert_eq!(
        (&event["venue"]["city"], &event["hall"]["capacity"]),
        (&json!("Seoul"), &json!(4))
    );
    assert_eq!(event["hall"]["id"], hall);
    assert_eq!(event["posterUrl"], Value::Null);
    assert_eq!(app.public.get(&location.unwrap()).await.expect(200), event);

    let audited =
        "SELECT count(*) FROM event_service.admin_audit_log WHERE action = 'CREATED' AND target_type = 'EVENT'";
    assert_eq!(app.count(audited).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_others_hear_of_a_new_event() {
    let app = App::start().await;
    let event = app.event().await;
    let (key, payload): (String, Value) = sqlx::query_as(
        "SELECT message_key, payload->'payload' FROM common.outbox_events WHERE event_type = 'EventChanged'",
    )
    .fetch_one(&app.database().await)
    .await
    .unwrap();
    assert_eq!((key.as_str(), &payload["concertId"]), (event.as_str(), &json!(event)));
    assert_eq!(
        (&payload["change"], &payload["version"]),
        (&json!("CREATED"), &json!(1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn three_thousand_seats_are_made_in_one_transaction() {
    let app = App::start().await;
    let venue = app.venue().await;
    let rows: Vec<String> = (1..=50).map(|row| format!("R{row}")).collect();
    let grades = ["VIP", "S", "A", "B"];
    let mapping: serde_json::Map<String, Value> = rows
        .iter()
        .enumerate()
        .map(|(index, row)| (row.clone(), json!(grades[index % 4])))
        .collect();
    let hall = json!({"name": "Arena", "seatTemplate": {"rows": rows, "seatsPerRow": 60, "gradeMapping": mapping}});
    let hall = id(&app
        .admin
        .post(&format!("/venues/{venue}/halls"), &hall)
        .await
        .expect(201));
    let prices = json!({"VIP": 4, "S": 3, "A": 2, "B": 1});
    let begun = Instant::now();
    let event = app.event_with(with(app.event_body(&hall), "prices", prices)).await;
    println!("3,000 seats took {:?}", begun.elapsed());

    let catalogue = app.as_service(common::internal_auth::Service::Reservation);
    let catalogue = catalogue
        .get(&format!("/internal/events/{event}/seats"))
        .await
        .expect(200);
    let seats = catalogue["seats"].as_array().unwrap();
    assert_eq!(seats.len(), 3000);
    let ids: HashSet<String> = seats.iter().map(|seat| text(&seat["id"])).collect();
    let numbers: HashSet<String> = seats.iter().map(|seat| text(&seat["seatNumber"])).collect();
    assert_eq!((ids.len(), numbers.len()), (3000, 3000));
    assert!(ids.iter().all(|id| id.parse::<Uuid>().unwrap().get_version_num() == 7));
    for (index, number, grade, price) in [(0, "R1-1", "VIP", 4), (60, "R2-1", "S", 3), (2999, "R50-60", "S", 3)] {
        let seat = &seats[index];
        assert_eq!(
            (&seat["seatNumber"], &seat["grade"], &seat["price"]),
            (&json!(number), &json!(grade), &json!(price))
        );
    }
    let detail = app.public.get(&format!("/events/{event}")).await.expect(200);
    assert_eq!(
        detail["seatCounts"][0],
        json!({"grade": "VIP", "total": 780, "available": 780})
    );
    let transactions = "SELECT count(DISTINCT xmin::text) FROM (
         SELECT xmin FROM event_service.seats UNION ALL SELECT xmin FROM event_service.events
         UNION ALL SELECT xmin FROM event_service.event_grades UNION ALL SELECT xmin FROM event_service.seat_maps) AS made";
    assert_eq!(app.count(transactions).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_hall_has_50_000_seats() {
    let app = App::start().await;
    let hall = app.hall(25_000).await;
    let begun = Instant::now();
    app.event_with(app.event_body(&hall)).await;
    println!("50,000 seats took {:?}", begun.elapsed());
    assert_eq!(app.count("SELECT count(*) FROM event_service.seats").await, 50_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_broken_field_is_named_and_nothing_is_made() {
    let app = App::start().await;
    let hall = app.hall(2).await;
    let good = app.event_body(&hall);
    let later = json!("2099-01-01T00:00:00Z");
    let cases = [
        (with(good.clone(), "title", json!(" ")), "title"),
        (with(good.clone(), "title", json!("x".repeat(201))), "title"),
        (with(good.clone(), "artist", json!("a\u{7}")), "artist"),
        (
            with(good.clone(), "description", json!("x".repeat(10_001))),
            "description",
        ),
        (with(good.clone(), "hallId", json!("main")), "hallId"),
        (with(good.clone(), "eventStartAt", later.clone()), "eventEndAt"),
        (with(good.clone(), "saleStartAt", later.clone()), "saleEndAt"),
        (with(good.clone(), "saleEndAt", later.clone()), "saleEndAt"),
        (with(good.clone(), "saleStartAt", json!("tomorrow")), "saleStartAt"),
        (
            with(good.clone(), "saleStartAt", json!("-262000-01-01T00:00:00Z")),
            "saleStartAt",
        ),
        (with(good.clone(), "maxTicketsPerUser", json!(0)), "maxTicketsPerUser"),
        (with(good.clone(), "prices", json!({"VIP": 1})), "prices.S"),
        (
            with(good.clone(), "prices", json!({"VIP": 1, "S": 1, "B": 1})),
            "prices.B",
        ),
        (with(good.clone(), "prices", json!({"VIP": 0, "S": 1})), "prices.VIP"),
        (with(good.clone(), "prices", json!({"VIP": 1.5, "S": 1})), "prices.VIP"),
        (with(good.clone(), "prices", json!({"VIP": "1", "S": 1})), "prices.VIP"),
    ];
    for (body, field) in cases {
        let problem = app
            .admin
            .post("/events", &body)
            .await
            .expect_problem(400, "VALIDATION_FAILED");
        assert_eq!(broken_fields(&problem), [field], "{body}");
    }
    for (field, value) in [
        ("prices", json!({"VIP": 1, "S": 1, "R": 1})),
        ("status", json!("ENDED")),
        ("title", json!(null)),
    ] {
        let reply = app.admin.post("/events", &with(good.clone(), field, value)).await;
        reply.expect_problem(400, "VALIDATION_FAILED");
    }
    assert_eq!(app.count("SELECT count(*) FROM event_service.events").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_needs_a_hall_and_an_unknown_one_is_not_found() {
    let app = App::start().await;
    let body = app.event_body(&Uuid::now_v7().to_string());
    app.admin.post("/events", &body).await.expect_problem(404, "NOT_FOUND");
    app.public
        .get(&format!("/events/{}", Uuid::now_v7()))
        .await
        .expect_problem(404, "NOT_FOUND");
    app.public
        .get("/events/x")
        .await
        .expect_problem(400, "VALIDATION_FAILED");
}
