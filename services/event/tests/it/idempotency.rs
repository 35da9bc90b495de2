use crate::helpers::{App, hall_body, id, with};
use common::{
    idempotency::{Claim, IdempotencyKey, claim},
    problem::Code,
};
use serde_json::{Value, json};
use uuid::Uuid;

const EFFECTS: &str = "SELECT (SELECT count(*) FROM event_service.venues)
     + (SELECT count(*) FROM event_service.halls) + (SELECT count(*) FROM event_service.events)
     + (SELECT count(*) FROM event_service.admin_audit_log) + (SELECT count(*) FROM common.outbox_events)";

/// Each endpoint that takes a key, with a body and the name of a field to change.
async fn posts(app: &App) -> Vec<(String, Value, &'static str)> {
    let venue = app.venue().await;
    let hall = app.hall_in(&venue, 1).await;
    vec![
        (
            "/venues".to_owned(),
            json!({"name": "Hall", "address": "x", "city": "Seoul"}),
            "name",
        ),
        (format!("/venues/{venue}/halls"), hall_body(1), "name"),
        ("/events".to_owned(), app.event_body(&hall), "title"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_with_its_key_gets_the_first_answer_and_has_no_second_effect() {
    let app = App::start().await;
    let admin = app.admin.with_header("idempotency-key", "key-1");
    for (path, body, _) in posts(&app).await {
        let first = admin.post(&path, &body).await;
        let location = first.header("location").map(str::to_owned);
        let first = first.expect(201);
        let effects = app.count(EFFECTS).await;

        let second = admin.post(&path, &body).await;
        assert_eq!(second.header("location").map(str::to_owned), location);
        assert_eq!(second.expect(201), first);
        assert_eq!(app.count(EFFECTS).await, effects);

        let keyless = app.admin.post(&path, &body).await.expect(201);
        assert_ne!(id(&keyless), id(&first));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_one_body_and_one_administrator() {
    let app = App::start().await;
    let admin = app.admin.with_header("idempotency-key", "key-1");
    for (path, body, field) in posts(&app).await {
        let first = id(&admin.post(&path, &body).await.expect(201));
        let changed = with(body.clone(), field, json!("Another"));
        admin
            .post(&path, &changed)
            .await
            .expect_problem(422, "IDEMPOTENCY_KEY_REUSED");

        let colleague = admin.as_admin(Uuid::now_v7());
        assert_ne!(id(&colleague.post(&path, &body).await.expect(201)), first);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_leaves_its_key_free() {
    let app = App::start().await;
    let admin = app.admin.with_header("idempotency-key", "key-1");
    let hall = app.hall(1).await;
    let body = app.event_body(&Uuid::now_v7().to_string());
    admin.post("/events", &body).await.expect_problem(404, "NOT_FOUND");
    let _ = admin
        .post("/events", &with(body, "hallId", json!(hall)))
        .await
        .expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_first_request_runs_the_second_is_told_to_wait() {
    let app = App::start().await;
    let hall = app.hall(1).await;
    let body = app.event_body(&hall);
    let admin = app.admin.with_header("idempotency-key", "key-1");
    // The first request stops at the hall that this transaction holds.
    let database = app.database().await;
    let mut holder = database.begin().await.unwrap();
    sqlx::query("SELECT FROM event_service.halls FOR UPDATE")
        .execute(&mut *holder)
        .await
        .unwrap();
    let (first, ()) = tokio::join!(admin.post("/events", &body), async {
        test_support::eventually(
            "the first request waits",
            std::time::Duration::from_secs(5),
            async || {
                let waiting = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'";
                (app.count(waiting).await == 1).then_some(())
            },
        )
        .await;
        admin
            .post("/events", &body)
            .await
            .expect_problem(409, "IDEMPOTENCY_IN_FLIGHT");
        holder.rollback().await.unwrap();
    });
    let first = id(&first.expect(201));
    assert_eq!(id(&admin.post("/events", &body).await.expect(201)), first);
}

/// Whoever repeats a request has the answer before its transaction has ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_that_still_ends_makes_nobody_wait() {
    let app = App::start().await;
    let database = app.database().await;
    let (user, key) = (Uuid::now_v7(), IdempotencyKey(Some("key-1".to_owned())));
    let begin = async || {
        let mut transaction = database.begin().await.unwrap();
        let schema = sqlx::query("SET LOCAL search_path TO event_service");
        schema.execute(&mut *transaction).await.unwrap();
        transaction
    };
    let mut first = begin().await;
    let Ok(Claim::New(claimed)) = claim(&mut first, user, "/x", &key, &json!(1)).await else {
        panic!("the key is free");
    };
    claimed.complete(&mut first, 201, &json!("made")).await.unwrap();
    first.commit().await.unwrap();

    let mut second = begin().await;
    let repeated = claim(&mut second, user, "/x", &key, &json!(1)).await.unwrap();
    assert!(matches!(repeated, Claim::Replay { status: 201, .. }));
    let mut third = begin().await;
    let refused = claim(&mut third, user, "/x", &key, &json!(2)).await.unwrap_err();
    assert_eq!(refused.code(), Code::IdempotencyKeyReused);

    let yesterday = "UPDATE event_service.idempotency_keys SET created_at = created_at - interval '25 hours'";
    sqlx::query(yesterday).execute(&database).await.unwrap();
    let mut fourth = begin().await;
    let anew = claim(&mut fourth, user, "/x", &key, &json!(2)).await.unwrap();
    assert!(matches!(anew, Claim::New(_)), "a key lasts for a day");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_strange_characters_is_refused() {
    let app = App::start().await;
    let body = json!({"name": "Hall", "address": "x", "city": "Seoul"});
    for key in ["", "a b", &"x".repeat(129)] {
        let reply = app
            .admin
            .with_header("idempotency-key", key)
            .post("/venues", &body)
            .await;
        reply.expect_problem(400, "VALIDATION_FAILED");
    }
}
