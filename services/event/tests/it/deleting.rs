use crate::{
    helpers::{App, time, with},
    reservations::Reservations,
};
use chrono::TimeDelta;
use common::internal_auth::Service;
use futures_util::future::join_all;
use serde_json::{Value, json};
use test_support::TestEnv;
use uuid::Uuid;

pub(crate) async fn start() -> (App, Reservations) {
    let reservations = Reservations::start().await;
    let env = TestEnv::new().await.with("RESERVATION_SERVICE_URL", reservations.url());
    (App::start_in(env).await, reservations)
}

/// A concert whose sale opens tomorrow.
pub(crate) async fn upcoming(app: &App) -> String {
    let hall = app.hall(2).await;
    let tomorrow = json!(time(app.clock.now() + TimeDelta::days(1)));
    app.event_with(with(app.event_body(&hall), "saleStartAt", tomorrow))
        .await
}

/// Its sale opens after all.
pub(crate) async fn open_sale(app: &App) {
    sqlx::query("UPDATE event_service.events SET sale_start_at = now() - interval '1 min'")
        .execute(&app.database().await)
        .await
        .unwrap();
}

async fn rows_left(app: &App) -> i64 {
    app.count(
        "SELECT (SELECT count(*) FROM event_service.events) + (SELECT count(*) FROM event_service.seats)
              + (SELECT count(*) FROM event_service.event_grades) + (SELECT count(*) FROM event_service.seat_maps)",
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_nobody_could_buy_yet_is_closed_then_deleted_and_the_others_hear_of_it() {
    let (app, reservations) = start().await;
    let event = upcoming(&app).await;
    let path = format!("/events/{event}");
    assert_eq!(app.admin.delete(&path).await.expect(204), Value::Null);
    assert!(reservations.known().closed.contains(&event));
    assert_eq!(rows_left(&app).await, 0);
    app.public.get(&path).await.expect_problem(404, "NOT_FOUND");
    app.as_service(Service::Queue)
        .get(&format!("/internal{path}"))
        .await
        .expect_problem(404, "EVENT_NOT_FOUND");
    app.admin.delete(&path).await.expect_problem(404, "NOT_FOUND");

    let told: Vec<Value> = sqlx::query_scalar(
        "SELECT payload->'payload' FROM common.outbox_events WHERE event_type = 'EventChanged' ORDER BY seq",
    )
    .fetch_all(&app.database().await)
    .await
    .unwrap();
    assert_eq!(
        (
            told.len(),
            &told[1]["change"],
            &told[1]["version"],
            &told[1]["concertId"]
        ),
        (2, &json!("DELETED"), &json!(2), &json!(event))
    );
    let audited = "SELECT count(*) FROM event_service.admin_audit_log
                   WHERE action = 'DELETED' AND target_type = 'EVENT' AND details->>'title' = '겨울 콘서트'";
    assert_eq!(app.count(audited).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_sale_or_claimed_stays() {
    let (app, reservations) = start().await;
    let on_sale = app.event().await;
    let path = format!("/events/{on_sale}");
    app.public.delete(&path).await.expect_problem(401, "UNAUTHENTICATED");
    app.user.delete(&path).await.expect_problem(403, "FORBIDDEN");
    app.admin.delete(&path).await.expect_problem(409, "EVENT_LOCKED");

    let claimed = upcoming(&app).await;
    reservations.known().claimed.insert(claimed.clone());
    app.admin
        .delete(&format!("/events/{claimed}"))
        .await
        .expect_problem(409, "EVENT_HAS_RESERVATIONS");
    assert!(reservations.known().closed.is_empty(), "nothing was closed");

    // A cancelled one that has been on sale is what refunded buyers' reservations speak of.
    let _cancelled = app
        .admin
        .post(&format!("{path}/cancel"), &json!({"reason": "rain"}))
        .await
        .expect(202);
    reservations.known().closed.insert(on_sale);
    app.admin.delete(&path).await.expect_problem(409, "EVENT_LOCKED");
    assert_eq!(app.count("SELECT count(*) FROM event_service.events").await, 2);
    for (path, status, code) in [
        (format!("/events/{}", Uuid::now_v7()), 404, "NOT_FOUND"),
        ("/events/x".to_owned(), 400, "VALIDATION_FAILED"),
    ] {
        app.admin.delete(&path).await.expect_problem(status, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_event_that_was_never_on_sale_can_be_deleted() {
    let (app, _reservations) = start().await;
    let event = upcoming(&app).await;
    let _cancelled = app
        .admin
        .post(&format!("/events/{event}/cancel"), &json!({"reason": "a mistake"}))
        .await
        .expect(202);
    let _gone = app.admin.delete(&format!("/events/{event}")).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_stopped_halfway_goes_on_even_after_its_sale_opened() {
    let (app, reservations) = start().await;
    let event = upcoming(&app).await;
    let path = format!("/events/{event}");
    reservations.known().down = true;
    app.admin.delete(&path).await.expect_problem(503, "SERVICE_UNAVAILABLE");
    assert_eq!(app.public.get(&path).await.expect(200)["status"], "UPCOMING");

    // Closed, and then the process died.
    {
        let mut known = reservations.known();
        known.down = false;
        known.closed.insert(event.clone());
    }
    open_sale(&app).await;
    let _gone = app.admin.delete(&path).await.expect(204);
    assert_eq!(rows_left(&app).await, 0);

    // Not closed when its sale opened: too late.
    let late = upcoming(&app).await;
    open_sale(&app).await;
    app.admin
        .delete(&format!("/events/{late}"))
        .await
        .expect_problem(409, "EVENT_LOCKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_at_once_are_one() {
    let (app, _reservations) = start().await;
    let path = format!("/events/{}", upcoming(&app).await);
    let replies = join_all((0..6).map(|_| app.admin.delete(&path))).await;
    let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 404, 404, 404, 404, 404]);
    let told = "SELECT count(*) FROM common.outbox_events WHERE payload->'payload'->>'change' = 'DELETED'";
    assert_eq!(app.count(told).await, 1);
}
