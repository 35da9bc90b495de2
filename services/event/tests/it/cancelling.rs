use crate::helpers::{App, broken_fields};
use common::internal_auth::Service;
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

fn because(reason: &str) -> Value {
    json!({"reason": reason})
}

/// The messages that say an event is cancelled.
async fn told(app: &App) -> Vec<Value> {
    sqlx::query_scalar(
        "SELECT payload->'payload' FROM common.outbox_events WHERE event_type = 'EventCancelled' ORDER BY seq",
    )
    .fetch_all(&app.database().await)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_event_shows_it_everywhere_and_the_others_hear_of_it() {
    let app = App::start().await;
    let event = app.event().await;
    let path = format!("/events/{event}");
    let before = app.public.get(&path).await.expect(200);
    assert_eq!(
        (&before["cancelledAt"], &before["cancelReason"]),
        (&Value::Null, &Value::Null)
    );

    let reply = app
        .admin
        .post(&format!("{path}/cancel"), &because(" 가수가 아픕니다 "))
        .await
        .expect(202);
    assert_eq!(
        (&reply["status"], &reply["cancelReason"]),
        (&json!("CANCELLED"), &json!("가수가 아픕니다"))
    );
    assert!(reply["cancelledAt"].is_string());
    assert_eq!(app.public.get(&path).await.expect(200), reply);
    let list = app.public.get("/events?status=CANCELLED").await.expect(200);
    assert_eq!(list["content"][0]["id"], json!(event));
    assert_eq!(
        app.public.get("/events?status=ONGOING").await.expect(200)["totalElements"],
        0
    );
    for service in [Service::Queue, Service::Reservation] {
        let internal = app
            .as_service(service)
            .get(&format!("/internal{path}"))
            .await
            .expect(200);
        assert_eq!(internal["status"], "CANCELLED");
    }

    let told = told(&app).await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["concertId"], &told[0]["version"], &told[0]["reason"]),
        (&json!(event), &json!(2), &json!("가수가 아픕니다"))
    );
    let (admin, details): (Uuid, Value) = sqlx::query_as(
        "SELECT admin_id, details FROM event_service.admin_audit_log WHERE action = 'CANCELLED' AND target_id = $1",
    )
    .bind(event.parse::<Uuid>().unwrap())
    .fetch_one(&app.database().await)
    .await
    .unwrap();
    assert_eq!((admin, details), (app.admin_id, because(" 가수가 아픕니다 ")));
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_again_or_at_once_is_one_cancellation() {
    let app = App::start().await;
    let event = app.event().await;
    let path = format!("/events/{event}/cancel");
    let reasons: Vec<Value> = (0..8).map(|number| because(&format!("reason {number}"))).collect();
    let replies = join_all(reasons.iter().map(|reason| app.admin.post(&path, reason))).await;
    let replies: Vec<Value> = replies.into_iter().map(|reply| reply.expect(202)).collect();
    let again = app.admin.post(&path, &because("another")).await.expect(202);
    assert!(replies.iter().all(|reply| *reply == again), "{replies:#?}");

    let told = told(&app).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["reason"], again["cancelReason"]);
    let audited = "SELECT count(*) FROM event_service.admin_audit_log WHERE action = 'CANCELLED'";
    assert_eq!(app.count(audited).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_needs_an_administrator_an_event_and_a_reason() {
    let app = App::start().await;
    let event = app.event().await;
    let path = format!("/events/{event}/cancel");
    app.public
        .post(&path, &because("x"))
        .await
        .expect_problem(401, "UNAUTHENTICATED");
    app.user
        .post(&path, &because("x"))
        .await
        .expect_problem(403, "FORBIDDEN");
    let unknown = format!("/events/{}/cancel", Uuid::now_v7());
    app.admin
        .post(&unknown, &because("x"))
        .await
        .expect_problem(404, "NOT_FOUND");
    for reason in ["", "  ", "a\u{0}b", &"x".repeat(501)] {
        let problem = app
            .admin
            .post(&path, &because(reason))
            .await
            .expect_problem(400, "VALIDATION_FAILED");
        assert_eq!(broken_fields(&problem), ["reason"], "{reason:?}");
    }
    for body in [json!({}), json!({"reason": "x", "refund": false})] {
        let reply = app.admin.post(&path, &body).await;
        reply.expect_problem(400, "VALIDATION_FAILED");
    }
    assert_eq!(
        app.public.get(&format!("/events/{event}")).await.expect(200)["status"],
        "ONGOING"
    );
    assert!(told(&app).await.is_empty());
}
