use crate::helpers::{App, hall_body};
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// Every administrative endpoint with a body that would pass.
async fn posts(app: &App) -> Vec<(String, Value)> {
    let venue = app.venue().await;
    let hall = app.hall_in(&venue, 1).await;
    vec![
        (
            "/venues".to_owned(),
            json!({"name": "Hall", "address": "x", "city": "Seoul"}),
        ),
        (format!("/venues/{venue}/halls"), hall_body(1)),
        ("/events".to_owned(), app.event_body(&hall)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_change_the_catalogue() {
    let app = App::start().await;
    for (path, body) in posts(&app).await {
        app.public
            .post(&path, &body)
            .await
            .expect_problem(401, "UNAUTHENTICATED");
        app.user.post(&path, &body).await.expect_problem(403, "FORBIDDEN");
        let _ = app.admin.post(&path, &body).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_see_how_the_service_is_doing() {
    let app = App::start().await;
    let path = "/events/admin/stats";
    app.public.get(path).await.expect_problem(401, "UNAUTHENTICATED");
    app.user.get(path).await.expect_problem(403, "FORBIDDEN");
    let stats = app.admin.get(path).await.expect(200);
    assert!(stats["process"]["instance"].is_string(), "{stats}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_json_of_sane_size_is_refused() {
    let app = App::start().await;
    let json = "application/json";
    for (path, body) in posts(&app).await {
        let send = |content_type: &'static str, body: Vec<u8>| {
            let (admin, path) = (app.admin.clone(), path.clone());
            async move { admin.send(Method::POST, &path, Some((content_type, body))).await }
        };
        let good = body.to_string().into_bytes();
        send("text/plain", good.clone())
            .await
            .expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
        send(json, good[..good.len() - 1].to_vec())
            .await
            .expect_problem(400, "MALFORMED_REQUEST");
        send(json, b"\xff".to_vec())
            .await
            .expect_problem(400, "MALFORMED_REQUEST");
        send(json, b"[]".to_vec())
            .await
            .expect_problem(400, "VALIDATION_FAILED");
        send(json, vec![b' '; 65 * 1024])
            .await
            .expect_problem(413, "PAYLOAD_TOO_LARGE");
        let _ = send("application/json; charset=utf-8", good).await.expect(201);
        app.admin
            .send(Method::POST, &path, None)
            .await
            .expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_says_so_as_a_problem() {
    let app = App::start().await;
    app.public.get("/concerts").await.expect_problem(404, "NOT_FOUND");
    app.public
        .delete("/venues")
        .await
        .expect_problem(405, "METHOD_NOT_ALLOWED");
    app.admin
        .post(&format!("/events/{}", Uuid::now_v7()), &json!({}))
        .await
        .expect_problem(405, "METHOD_NOT_ALLOWED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_wrong_template_gets_a_small_answer() {
    let app = App::start().await;
    let venue = app.venue().await;
    let rows = vec![""; 10_000];
    let body = json!({"name": "Main", "seatTemplate": {"rows": rows, "seatsPerRow": 1, "gradeMapping": {}}});
    let reply = app.admin.post(&format!("/venues/{venue}/halls"), &body).await;
    assert_eq!(
        reply.expect_problem(400, "VALIDATION_FAILED")["errors"]
            .as_array()
            .unwrap()
            .len(),
        50
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_metrics_need_no_credential() {
    let app = App::start().await;
    let anybody = test_support::Api::new(&app.running.url());
    let _ = anybody.get("/health/live").await.expect(200);
    let ready = anybody.get("/health/ready").await.expect(200);
    assert_eq!(ready, json!({"status": "UP", "checks": {"postgresql": "UP"}}));
    let _ = anybody.get("/metrics").await.expect(200);
}
