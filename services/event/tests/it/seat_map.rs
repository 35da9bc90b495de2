use crate::helpers::{App, text};
use serde_json::json;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn the_map_lists_each_grades_seats_in_the_halls_order() {
    let app = App::start().await;
    let event = app.event().await;
    let map = app.user.get(&format!("/events/{event}/seats")).await.expect(200);
    assert_eq!((&map["eventId"], &map["version"]), (&json!(event), &json!(1)));
    let vip = &map["grades"][0];
    assert_eq!(
        (&vip["grade"], &vip["price"], &vip["total"], &vip["available"]),
        (&json!("VIP"), &json!(150_000), &json!(2), &json!(2))
    );
    let seats: Vec<(String, String)> = vip["seats"]
        .as_array()
        .unwrap()
        .iter()
        .map(|seat| (text(&seat["seatNumber"]), text(&seat["status"])))
        .collect();
    let free = |number: &str| (number.to_owned(), "AVAILABLE".to_owned());
    assert_eq!(seats, [free("A-1"), free("A-2")]);
    assert_eq!(map["grades"][1]["grade"], "S");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_the_map_gets_304() {
    let app = App::start().await;
    let event = app.event().await;
    let path = format!("/events/{event}/seats");
    let reply = app.user.get(&path).await;
    let etag = reply.header("etag").unwrap().to_owned();
    assert_eq!(reply.header("cache-control"), Some("private, no-cache"));

    let again = app.user.with_header("if-none-match", &etag).get(&path).await;
    assert_eq!(
        (again.status.as_u16(), again.header("etag")),
        (304, Some(etag.as_str()))
    );
    assert!(again.body.is_null());
    let _ = app
        .user
        .with_header("if-none-match", "W/\"0\"")
        .get(&path)
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_version_than_ours_gets_the_whole_map() {
    let app = App::start().await;
    let event = app.event().await;
    let seats = |map: &serde_json::Value| map["grades"][0]["seats"].as_array().unwrap().len();
    for (since, expected) in [("0", 2), ("1", 0), ("99", 2)] {
        let map = app
            .user
            .get(&format!("/events/{event}/seats?since={since}"))
            .await
            .expect(200);
        assert_eq!(seats(&map), expected, "{since}");
        assert_eq!(map["grades"][0]["available"], 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_map_is_for_signed_in_users_and_existing_events() {
    let app = App::start().await;
    let event = app.event().await;
    let path = format!("/events/{event}/seats");
    app.public.get(&path).await.expect_problem(401, "UNAUTHENTICATED");
    app.user
        .get(&format!("/events/{}/seats", Uuid::now_v7()))
        .await
        .expect_problem(404, "NOT_FOUND");
    for bad in ["since=-1", "since=x", "until=1", "since=99999999999999999999"] {
        app.user
            .get(&format!("{path}?{bad}"))
            .await
            .expect_problem(400, "VALIDATION_FAILED");
    }
}
