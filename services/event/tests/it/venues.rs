use crate::helpers::{App, broken_fields, id, with};
use serde_json::json;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_venue_is_shown_listed_and_audited() {
    let app = App::start().await;
    let body = json!({"name": " Olympic Hall ", "address": "424 Olympic-ro", "city": "서울"});
    let reply = app.admin.post("/venues", &body).await;
    let location = reply.header("location").map(str::to_owned);
    let venue = reply.expect(201);
    assert_eq!(venue["name"], "Olympic Hall");
    assert_eq!(location, Some(format!("/venues/{}", id(&venue))));

    assert_eq!(app.public.get(&location.unwrap()).await.expect(200), venue);
    let page = app.public.get("/venues").await.expect(200);
    assert_eq!(page["content"], json!([venue]));
    assert_eq!(page["totalElements"], 1);

    let audited: (Uuid, String, Uuid, serde_json::Value) = sqlx::query_as(
        "SELECT admin_id, target_type || ' ' || action, target_id, details FROM event_service.admin_audit_log",
    )
    .fetch_one(&app.database().await)
    .await
    .unwrap();
    assert_eq!(
        audited,
        (
            app.admin_id,
            "VENUE CREATED".to_owned(),
            id(&venue).parse().unwrap(),
            body
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn venues_come_in_pages_by_name() {
    let app = App::start().await;
    for name in ["C", "A", "B"] {
        let _ = app
            .admin
            .post("/venues", &json!({"name": name, "address": "x", "city": "Seoul"}))
            .await
            .expect(201);
    }
    let page = app.public.get("/venues?page=1&size=2").await.expect(200);
    assert_eq!(page["content"][0]["name"], "C");
    assert_eq!(
        (page["totalElements"].as_i64(), page["totalPages"].as_i64()),
        (Some(3), Some(2))
    );
    for bad in ["size=0", "size=101", "page=-1", "page=x", "limit=3"] {
        app.public
            .get(&format!("/venues?{bad}"))
            .await
            .expect_problem(400, "VALIDATION_FAILED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_venue_needs_sound_texts() {
    let app = App::start().await;
    let good = json!({"name": "Hall", "address": "x", "city": "Seoul"});
    for (field, value) in [
        ("name", json!("  ")),
        ("name", json!("x".repeat(201))),
        ("name", json!("a\u{0}b")),
        ("address", json!("")),
        ("city", json!("line\nbreak")),
    ] {
        let reply = app.admin.post("/venues", &with(good.clone(), field, value)).await;
        assert_eq!(broken_fields(&reply.expect_problem(400, "VALIDATION_FAILED")), [field]);
    }
    for (field, value) in [("name", json!(7)), ("city", json!(null)), ("owner", json!("me"))] {
        let reply = app.admin.post("/venues", &with(good.clone(), field, value)).await;
        reply.expect_problem(400, "VALIDATION_FAILED");
    }
    assert_eq!(app.count("SELECT count(*) FROM event_service.venues").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_venue_is_not_found() {
    let app = App::start().await;
    let unknown = Uuid::now_v7();
    app.public
        .get(&format!("/venues/{unknown}"))
        .await
        .expect_problem(404, "NOT_FOUND");
    app.public
        .get(&format!("/venues/{unknown}/halls"))
        .await
        .expect_problem(404, "NOT_FOUND");
    app.public
        .get("/venues/1")
        .await
        .expect_problem(400, "VALIDATION_FAILED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_venue_is_corrected_for_its_concerts_too() {
    let app = App::start().await;
    let venue = app.venue().await;
    let hall = app.hall_in(&venue, 2).await;
    let event = app.event_with(app.event_body(&hall)).await;
    let path = format!("/venues/{venue}");
    let body = json!({"name": " 올림픽홀 ", "address": "서울 송파구", "city": "서울"});
    let changed = app.admin.put(&path, &body).await.expect(200);
    assert_eq!(
        (&changed["name"], &changed["city"]),
        (&json!("올림픽홀"), &json!("서울"))
    );
    assert_eq!(app.public.get(&path).await.expect(200), changed);
    let event = app.public.get(&format!("/events/{event}")).await.expect(200);
    assert_eq!(event["venue"]["name"], "올림픽홀");
    assert_eq!(app.count(CHANGES).await, 1);

    let reply = app.admin.put(&path, &with(body.clone(), "city", json!(" "))).await;
    assert_eq!(broken_fields(&reply.expect_problem(400, "VALIDATION_FAILED")), ["city"]);
    app.user.put(&path, &body).await.expect_problem(403, "FORBIDDEN");
    app.public
        .put(&path, &body)
        .await
        .expect_problem(401, "UNAUTHENTICATED");
    let unknown = format!("/venues/{}", Uuid::now_v7());
    app.admin.put(&unknown, &body).await.expect_problem(404, "NOT_FOUND");
    assert_eq!(app.count(CHANGES).await, 1);
}

const CHANGES: &str =
    "SELECT count(*) FROM event_service.admin_audit_log WHERE action = 'CHANGED' AND target_type = 'VENUE'";

#[tokio::test(flavor = "multi_thread")]
async fn a_venue_goes_with_its_halls_unless_a_concert_needs_one() {
    let app = App::start().await;
    let (used, unused) = (app.venue().await, app.venue().await);
    let hall = app.hall_in(&used, 2).await;
    app.hall_in(&used, 3).await;
    app.hall_in(&unused, 2).await;
    app.event_with(app.event_body(&hall)).await;

    let path = format!("/venues/{used}");
    app.admin.delete(&path).await.expect_problem(409, "IN_USE");
    let halls = app.public.get(&format!("{path}/halls")).await.expect(200);
    assert_eq!(halls.as_array().unwrap().len(), 2, "all or nothing");

    let path = format!("/venues/{unused}");
    app.user.delete(&path).await.expect_problem(403, "FORBIDDEN");
    let _ = app.admin.delete(&path).await.expect(204);
    app.public.get(&path).await.expect_problem(404, "NOT_FOUND");
    app.admin.delete(&path).await.expect_problem(404, "NOT_FOUND");
    assert_eq!(app.count("SELECT count(*) FROM event_service.halls").await, 2);
    let deletions =
        "SELECT count(*) FROM event_service.admin_audit_log WHERE action = 'DELETED' AND target_type = 'VENUE'";
    assert_eq!(app.count(deletions).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_may_name_what_it_corrects() {
    let app = App::start().await;
    let path = format!("/venues/{}", app.venue().await);
    let body = |name: &str| json!({"name": name, "address": "x", "city": "Seoul"});
    let seen = app.public.get(&path).await.header("etag").unwrap().to_owned();
    let corrected = app.admin.with_header("if-match", &seen).put(&path, &body("A")).await;
    let newer = corrected.header("etag").unwrap().to_owned();
    assert_eq!(corrected.expect(200)["name"], "A");
    let late = app.admin.with_header("if-match", &seen).put(&path, &body("B")).await;
    late.expect_problem(412, "PRECONDITION_FAILED");
    for condition in [newer.as_str(), "*"] {
        let allowed = app
            .admin
            .with_header("if-match", condition)
            .put(&path, &body("C"))
            .await;
        assert_eq!(allowed.expect(200)["name"], "C");
    }
}
