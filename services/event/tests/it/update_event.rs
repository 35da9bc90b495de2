//! PUT /events/{id}: what may change when, and who hears of it.

use crate::{
    deleting::{open_sale, start, upcoming},
    helpers::{App, broken_fields, id, time},
};
use chrono::TimeDelta;
use common::internal_auth::Service;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::time::Duration;
use test_support::{Reply, eventually};
use uuid::Uuid;

async fn etag(app: &App, path: &str) -> String {
    app.public.get(path).await.header("etag").unwrap().to_owned()
}

async fn put(app: &App, path: &str, tag: &str, body: &Value) -> Reply {
    app.admin.with_header("if-match", tag).put(path, body).await
}

/// With the tag of now.
async fn change(app: &App, path: &str, body: &Value) -> Reply {
    let tag = etag(app, path).await;
    put(app, path, &tag, body).await
}

/// What the others were told of changes, oldest first.
async fn told(app: &App) -> Vec<Value> {
    sqlx::query_scalar(
        "SELECT payload->'payload' FROM common.outbox_events
         WHERE payload->'payload'->>'change' = 'UPDATED' ORDER BY seq",
    )
    .fetch_all(&app.database().await)
    .await
    .unwrap()
}

async fn seats_on_sale(app: &App, event: &str) -> Value {
    let path = format!("/internal/events/{event}/seats");
    app.as_service(Service::Reservation).get(&path).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_changes_the_rest_stays_and_the_others_hear_of_it() {
    let app = App::start().await;
    let hall = app.hall(2).await;
    let body = app.event_body(&hall);
    let made = app.admin.post("/events", &body).await;
    let first_tag = made.header("etag").unwrap().to_owned();
    let made = made.expect(201);
    let path = format!("/events/{}", made["id"].as_str().unwrap());
    assert_eq!((&*first_tag, &*etag(&app, &path).await), ("\"1\"", "\"1\""));

    let now = app.clock.now();
    let texts = json!({"title": " 봄 콘서트 ", "description": "", "maxTicketsPerUser": 2});
    let reply = put(&app, &path, &first_tag, &texts).await;
    assert_eq!(reply.header("etag"), Some("\"2\""));
    let changed = reply.expect(200);
    assert_eq!(app.public.get(&path).await.expect(200), changed);
    let mut expected = made.clone();
    expected["title"] = json!("봄 콘서트");
    (
        expected["description"],
        expected["maxTicketsPerUser"],
        expected["version"],
    ) = (Value::Null, json!(2), json!(2));
    assert_eq!(changed, expected);

    let times = json!({
        "eventStartAt": time(now + TimeDelta::days(40)),
        "eventEndAt": time(now + TimeDelta::days(41)),
        "saleStartAt": time(now + TimeDelta::days(1)),
        "saleEndAt": time(now + TimeDelta::days(2)),
    });
    let put_off = change(&app, &path, &times).await.expect(200);
    assert_eq!(put_off["status"], "UPCOMING");
    for (field, value) in times.as_object().unwrap() {
        assert_eq!(&put_off[field], value, "{field}");
    }

    // The same once more is no change, and nobody hears of it.
    let same = change(&app, &path, &times).await.expect(200);
    assert_eq!(same, put_off);
    let nothing = change(&app, &path, &json!({"title": null})).await.expect(200);
    assert_eq!(nothing, put_off);

    let told = told(&app).await;
    let seen: Vec<_> = told
        .iter()
        .map(|message| (&message["version"], &message["title"]))
        .collect();
    assert_eq!(
        seen,
        [(&json!(2), &json!("봄 콘서트")), (&json!(3), &json!("봄 콘서트"))]
    );
    assert_eq!(
        (&told[1]["saleStartAt"], &told[0]["maxTicketsPerUser"]),
        (&times["saleStartAt"], &json!(2))
    );
    let audited: Vec<(Uuid, Value)> = sqlx::query_as(
        "SELECT admin_id, details FROM event_service.admin_audit_log
         WHERE action = 'CHANGED' AND target_type = 'EVENT' ORDER BY created_at",
    )
    .fetch_all(&app.database().await)
    .await
    .unwrap();
    assert_eq!((audited.len(), audited[0].0), (2, app.admin_id));
    assert_eq!(audited[0].1["title"], " 봄 콘서트 ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_of_what_was_seen() {
    let app = App::start().await;
    let path = format!("/events/{}", app.event().await);
    let title = |title: &str| json!({"title": title});
    app.admin
        .put(&path, &title("a"))
        .await
        .expect_problem(428, "PRECONDITION_REQUIRED");
    put(&app, &path, "*", &title("a"))
        .await
        .expect_problem(428, "PRECONDITION_REQUIRED");
    for stale in ["\"0\"", "W/\"1\"", "1"] {
        put(&app, &path, stale, &title("a"))
            .await
            .expect_problem(412, "PRECONDITION_FAILED");
    }
    let tag = etag(&app, &path).await;
    let titles: Vec<Value> = (0..6).map(|n| title(&n.to_string())).collect();
    let replies = join_all(titles.iter().map(|body| put(&app, &path, &tag, body))).await;
    let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412]);
    assert_eq!(told(&app).await.len(), 1);

    let as_admin = app.admin.with_header("if-match", "\"2\"");
    for (unknown, status, code) in [
        (format!("/events/{}", Uuid::now_v7()), 404, "NOT_FOUND"),
        ("/events/x".to_owned(), 400, "VALIDATION_FAILED"),
    ] {
        as_admin.put(&unknown, &title("a")).await.expect_problem(status, code);
    }
    let as_anybody = app.public.with_header("if-match", "\"2\"");
    as_anybody
        .put(&path, &title("a"))
        .await
        .expect_problem(401, "UNAUTHENTICATED");
    let as_user = app.user.with_header("if-match", "\"2\"");
    as_user.put(&path, &title("a")).await.expect_problem(403, "FORBIDDEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_makes_no_sense_is_refused_with_its_fields() {
    let (app, _reservations) = start().await;
    let path = format!("/events/{}", upcoming(&app).await);
    let now = app.clock.now();
    for (body, field) in [
        (json!({"title": " "}), "title"),
        (json!({"artist": "x".repeat(201)}), "artist"),
        (json!({"description": "a\u{0}"}), "description"),
        (json!({"maxTicketsPerUser": 0}), "maxTicketsPerUser"),
        (json!({"eventEndAt": time(now)}), "eventEndAt"),
        (json!({"saleStartAt": time(now + TimeDelta::days(30))}), "saleEndAt"),
        (json!({"prices": {"VIP": 1}}), "prices.S"),
        (json!({"prices": {"VIP": 1, "S": 1, "A": 1}}), "prices.A"),
        (json!({"prices": {"VIP": 0, "S": 1}}), "prices.VIP"),
        (json!({"prices": null, "colour": "red"}), "colour"),
        (json!({"hallId": "x"}), "hallId"),
    ] {
        let problem = change(&app, &path, &body)
            .await
            .expect_problem(400, "VALIDATION_FAILED");
        assert!(
            broken_fields(&problem).contains(&field.to_owned()),
            "{field}: {problem}"
        );
    }
    let nowhere = json!({"hallId": Uuid::now_v7()});
    change(&app, &path, &nowhere).await.expect_problem(404, "NOT_FOUND");
    let admin = app.admin.with_header("if-match", "\"1\"");
    let method = http::Method::PUT;
    let big = format!("{{\"title\": \"{}\"}}", "x".repeat(70_000)).into_bytes();
    for (body, status, code) in [
        (("text/plain", b"x".to_vec()), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (("application/json", b"{".to_vec()), 400, "MALFORMED_REQUEST"),
        (("application/json", big), 413, "PAYLOAD_TOO_LARGE"),
    ] {
        admin
            .send(method.clone(), &path, Some(body))
            .await
            .expect_problem(status, code);
    }
    assert_eq!((told(&app).await.len(), &*etag(&app, &path).await), (0, "\"1\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_and_hall_change_before_the_sale_with_all_that_shows_them() {
    let (app, reservations) = start().await;
    let event = upcoming(&app).await;
    let path = format!("/events/{event}");
    let map = format!("{path}/seats");
    let first_map = app.user.get(&map).await;
    let prices = json!({"prices": {"VIP": 170_000, "S": 90_000}});
    let repriced = change(&app, &path, &prices).await.expect(200);
    assert_eq!(
        (&repriced["minPrice"], &repriced["maxPrice"]),
        (&json!(90_000), &json!(170_000))
    );
    assert_eq!(reservations.known().versions[&event], 1, "what was sold by before");
    let second_map = app.user.get(&map).await;
    assert_ne!(first_map.header("etag"), second_map.header("etag"));
    assert_eq!(second_map.expect(200)["grades"][0]["price"], 170_000);
    let catalogue = seats_on_sale(&app, &event).await;
    assert_eq!(
        (&catalogue["seats"][3]["price"], &catalogue["version"]),
        (&json!(90_000), &json!(2))
    );
    let kept: Vec<Value> = catalogue["seats"].as_array().unwrap().clone();

    // Another hall in another city, larger, with one grade.
    let venue = app.venue_in("부산").await;
    let template = json!({"rows": ["A", "B", "C"], "seatsPerRow": 3, "gradeMapping": {"A": "S", "B": "S", "C": "S"}});
    let hall = app
        .admin
        .post(
            &format!("/venues/{venue}/halls"),
            &json!({"name": "Small", "seatTemplate": template}),
        )
        .await
        .expect(201);
    let moved = json!({"hallId": hall["id"]});
    let problem = change(&app, &path, &moved)
        .await
        .expect_problem(400, "VALIDATION_FAILED");
    assert_eq!(
        broken_fields(&problem),
        ["prices.VIP"],
        "the prices of the other hall do not fit"
    );
    let moved = json!({"hallId": hall["id"], "prices": {"S": 80_000}});
    let reply = change(&app, &path, &moved).await.expect(200);
    assert_eq!(
        (&reply["city"], &reply["hall"]["name"], &reply["venueId"]),
        (&json!("부산"), &json!("Small"), &json!(venue))
    );
    assert_eq!(reply["seatCounts"], json!([{"grade": "S", "total": 9, "available": 9}]));
    assert_eq!(reply["prices"], json!([{"grade": "S", "price": 80_000}]));
    let catalogue = seats_on_sale(&app, &event).await;
    let seats = catalogue["seats"].as_array().unwrap();
    assert_eq!((seats.len(), &catalogue["version"]), (9, &json!(3)));
    assert!(
        seats
            .iter()
            .all(|seat| kept.iter().all(|before| before["id"] != seat["id"]))
    );
    let changed = app.user.get(&format!("{map}?since=2")).await.expect(200);
    assert_eq!(
        (
            &changed["version"],
            changed["grades"][0]["seats"].as_array().unwrap().len()
        ),
        (&json!(3), 9)
    );
    assert_eq!(app.count("SELECT count(*) FROM event_service.seats").await, 9);
    assert_eq!(told(&app).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_and_hall_stay_once_on_sale_or_claimed() {
    let (app, reservations) = start().await;
    let event = upcoming(&app).await;
    let path = format!("/events/{event}");
    let other = app.hall(3).await;
    let refused = [json!({"prices": {"VIP": 1, "S": 1}}), json!({"hallId": other})];
    reservations.known().claimed.insert(event.clone());
    for body in &refused {
        change(&app, &path, body).await.expect_problem(409, "EVENT_LOCKED");
    }
    reservations.known().claimed.clear();
    reservations.known().down = true;
    change(&app, &path, &refused[0])
        .await
        .expect_problem(503, "SERVICE_UNAVAILABLE");
    reservations.known().down = false;

    // A sale that the projection still shows, although the reservation service says it is over.
    let claim = "INSERT INTO event_service.seat_claims (seat_id, reservation_id, claim)
                 SELECT id, uuidv7(), 'PAID' FROM event_service.seats LIMIT 1";
    let database = app.database().await;
    sqlx::query(claim).execute(&database).await.unwrap();
    change(&app, &path, &refused[1])
        .await
        .expect_problem(409, "EVENT_LOCKED");

    open_sale(&app).await;
    reservations.known().versions.clear();
    for body in &refused {
        change(&app, &path, body).await.expect_problem(409, "EVENT_LOCKED");
    }
    assert!(reservations.known().versions.is_empty(), "nobody needs to be asked");
    // The same prices and hall as before are no change.
    let seen = app.public.get(&path).await.expect(200);
    let unchanged = json!({"hallId": seen["hall"]["id"], "prices": {"VIP": 150_000, "S": 100_000}, "title": "New"});
    assert_eq!(change(&app, &path, &unchanged).await.expect(200)["title"], "New");

    let _cancelled = app
        .admin
        .post(&format!("{path}/cancel"), &json!({"reason": "rain"}))
        .await
        .expect(202);
    change(&app, &path, &json!({"title": "x"}))
        .await
        .expect_problem(409, "EVENT_LOCKED");

    let over = format!("/events/{}", app.event().await);
    sqlx::query("UPDATE event_service.events SET sale_end_at = now() - interval '1 s' WHERE cancelled_at IS NULL")
        .execute(&database)
        .await
        .unwrap();
    change(&app, &over, &json!({"title": "x"}))
        .await
        .expect_problem(409, "EVENT_LOCKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sold_is_read_behind_a_change_that_is_being_made() {
    let (app, _reservations) = start().await;
    let event = upcoming(&app).await;
    let database = app.database().await;
    let mut changing = database.begin().await.unwrap();
    sqlx::query("UPDATE event_service.events SET title = 'Changing'")
        .execute(&mut *changing)
        .await
        .unwrap();
    let reading = async { seats_on_sale(&app, &event).await };
    let committing = async {
        eventually("the reader waits", Duration::from_secs(20), async || {
            let waiting = app.count("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()").await;
            (waiting > 0).then_some(())
        })
        .await;
        let before = sqlx::query_scalar::<_, chrono::DateTime<chrono::Utc>>("SELECT clock_timestamp()")
            .fetch_one(&mut *changing)
            .await
            .unwrap();
        changing.commit().await.unwrap();
        before
    };
    let (read, committed_after) = tokio::join!(reading, committing);
    assert_eq!(read["title"], "Changing");
    let read_at: chrono::DateTime<chrono::Utc> = read["readAt"].as_str().unwrap().parse().unwrap();
    assert!(read_at > committed_after, "{read_at} {committed_after}");
}

/// 500 rows of 100 seats each.
async fn largest_hall(app: &App) -> String {
    let rows: Vec<String> = (0..500).map(|row| format!("R{row}")).collect();
    let grades: serde_json::Map<String, Value> = rows.iter().map(|row| (row.clone(), json!("S"))).collect();
    let template = json!({"rows": rows, "seatsPerRow": 100, "gradeMapping": grades});
    let path = format!("/venues/{}/halls", app.venue().await);
    let hall = app
        .admin
        .post(&path, &json!({"name": "Stadium", "seatTemplate": template}))
        .await;
    let hall = hall.expect(201);
    assert_eq!(hall["capacity"], 50_000);
    id(&hall)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_hall_is_made_repriced_and_left_in_one_transaction_each() {
    let (app, _reservations) = start().await;
    let hall = largest_hall(&app).await;
    let mut body = app.event_body(&hall);
    body["saleStartAt"] = json!(time(app.clock.now() + TimeDelta::days(1)));
    body["prices"] = json!({"S": 50_000});
    let event = app.event_with(body).await;
    let path = format!("/events/{event}");
    let seats = "SELECT count(*) FROM event_service.seats WHERE price = 60000";
    let repriced = change(&app, &path, &json!({"prices": {"S": 60_000}})).await.expect(200);
    assert_eq!(repriced["seatCounts"][0]["total"], 50_000);
    assert_eq!(app.count(seats).await, 50_000);
    let small = app.hall(2).await;
    let moved = json!({"hallId": small, "prices": {"VIP": 2, "S": 1}});
    let moved = change(&app, &path, &moved).await.expect(200);
    assert_eq!(moved["hall"]["capacity"], 4);
    assert_eq!(app.count("SELECT count(*) FROM event_service.seats").await, 4);
    let back = json!({"hallId": hall, "prices": {"S": 60_000}});
    let _back = change(&app, &path, &back).await.expect(200);
    assert_eq!(app.count(seats).await, 50_000);
}
