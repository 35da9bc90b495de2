use crate::helpers::{App, broken_fields, hall_body, id, with};
use serde_json::{Value, json};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_hall_counts_its_seats_and_is_listed() {
    let app = App::start().await;
    let venue = app.venue().await;
    assert_eq!(
        app.public.get(&format!("/venues/{venue}/halls")).await.expect(200),
        json!([])
    );

    let path = format!("/venues/{venue}/halls");
    let reply = app.admin.post(&path, &hall_body(20)).await;
    let location = reply.header("location").map(str::to_owned);
    let hall = reply.expect(201);
    assert_eq!(location, Some(format!("{path}/{}", id(&hall))));
    assert_eq!(hall["capacity"], 40);
    assert_eq!(hall["venueId"], venue);
    assert_eq!(hall["seatTemplate"], hall_body(20)["seatTemplate"]);
    assert_eq!(app.public.get(&path).await.expect(200), json!([hall]));
    let audited =
        "SELECT count(*) FROM event_service.admin_audit_log WHERE action = 'CREATED' AND target_type = 'HALL'";
    assert_eq!(app.count(audited).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_makes_no_sense_is_refused() {
    let app = App::start().await;
    let path = format!("/venues/{}/halls", app.venue().await);
    let template = |rows: Value, seats: Value, mapping: Value| json!({"name": "Main", "seatTemplate": {"rows": rows, "seatsPerRow": seats, "gradeMapping": mapping}});
    let cases = [
        (template(json!([]), json!(20), json!({})), "seatTemplate.rows"),
        (
            template(json!(["A", "A"]), json!(20), json!({"A": "S"})),
            "seatTemplate.rows[1]",
        ),
        (
            template(json!([" "]), json!(20), json!({" ": "S"})),
            "seatTemplate.rows[0]",
        ),
        (
            template(json!(["A", "B"]), json!(20), json!({"A": "S"})),
            "seatTemplate.gradeMapping",
        ),
        (
            template(json!(["A"]), json!(20), json!({"A": "S", "B": "S"})),
            "seatTemplate.gradeMapping",
        ),
        (
            template(json!(["A"]), json!(20), json!({"A": "R"})),
            "seatTemplate.gradeMapping.A",
        ),
        (
            template(json!(["A"]), json!(0), json!({"A": "S"})),
            "seatTemplate.seatsPerRow",
        ),
        (
            template(json!(["A"]), json!(50_001), json!({"A": "S"})),
            "seatTemplate.seatsPerRow",
        ),
        (
            template(json!(["A"]), json!(-1), json!({"A": "S"})),
            "seatTemplate.seatsPerRow",
        ),
        (
            template(json!(["A"]), json!(1.5), json!({"A": "S"})),
            "seatTemplate.seatsPerRow",
        ),
    ];
    for (body, field) in cases {
        let problem = app
            .admin
            .post(&path, &body)
            .await
            .expect_problem(400, "VALIDATION_FAILED");
        assert_eq!(broken_fields(&problem), [field], "{body}");
    }
    assert_eq!(app.count("SELECT count(*) FROM event_service.halls").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hall_needs_a_venue() {
    let app = App::start().await;
    let path = format!("/venues/{}/halls", Uuid::now_v7());
    app.admin
        .post(&path, &hall_body(1))
        .await
        .expect_problem(404, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hall_changes_its_layout_until_a_concert_has_its_seats_from_it() {
    let app = App::start().await;
    let venue = app.venue().await;
    let hall = app.hall_in(&venue, 2).await;
    let path = format!("/venues/{venue}/halls/{hall}");
    let changed = app.admin.put(&path, &hall_body(3)).await.expect(200);
    assert_eq!((&changed["capacity"], &changed["id"]), (&json!(6), &json!(hall)));

    let event = app.event_with(app.event_body(&hall)).await;
    app.admin.put(&path, &hall_body(4)).await.expect_problem(409, "IN_USE");
    let renamed = with(hall_body(3), "name", json!("Blue hall"));
    assert_eq!(app.admin.put(&path, &renamed).await.expect(200)["name"], "Blue hall");
    let event = app.public.get(&format!("/events/{event}")).await.expect(200);
    assert_eq!(event["hall"], json!({"id": hall, "name": "Blue hall", "capacity": 6}));
    assert_eq!(app.count(CHANGES).await, 2);

    let bad = with(hall_body(3), "name", json!(" "));
    let problem = app
        .admin
        .put(&path, &bad)
        .await
        .expect_problem(400, "VALIDATION_FAILED");
    assert_eq!(broken_fields(&problem), ["name"]);
    app.user.put(&path, &renamed).await.expect_problem(403, "FORBIDDEN");
    let elsewhere = format!("/venues/{}/halls/{hall}", app.venue().await);
    app.admin
        .put(&elsewhere, &renamed)
        .await
        .expect_problem(404, "NOT_FOUND");
}

const CHANGES: &str =
    "SELECT count(*) FROM event_service.admin_audit_log WHERE action = 'CHANGED' AND target_type = 'HALL'";

#[tokio::test(flavor = "multi_thread")]
async fn a_hall_that_no_concert_needs_is_deleted() {
    let app = App::start().await;
    let venue = app.venue().await;
    let hall = app.hall_in(&venue, 2).await;
    let path = format!("/venues/{venue}/halls/{hall}");
    let elsewhere = format!("/venues/{}/halls/{hall}", app.venue().await);
    app.admin.delete(&elsewhere).await.expect_problem(404, "NOT_FOUND");
    let event = app.event_with(app.event_body(&hall)).await;
    app.admin.delete(&path).await.expect_problem(409, "IN_USE");

    sqlx::query("DELETE FROM event_service.events WHERE id = $1::uuid")
        .bind(event)
        .execute(&app.database().await)
        .await
        .unwrap();
    app.user.delete(&path).await.expect_problem(403, "FORBIDDEN");
    let _ = app.admin.delete(&path).await.expect(204);
    app.admin.delete(&path).await.expect_problem(404, "NOT_FOUND");
    let halls = app.public.get(&format!("/venues/{venue}/halls")).await.expect(200);
    assert_eq!(halls, json!([]));
}

/// A concert is announced in a hall while the hall changes or goes: its seats are those of the hall as it is, or it is
/// refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_concert_never_has_other_seats_than_its_hall() {
    let app = App::start().await;
    let venue = app.venue().await;
    for round in 0..10 {
        let hall = app.hall_in(&venue, 2).await;
        let path = format!("/venues/{venue}/halls/{hall}");
        let (event, layout) = (app.event_body(&hall), hall_body(3));
        let (announced, changed) = tokio::join!(app.admin.post("/events", &event), async {
            if round % 2 == 0 {
                app.admin.put(&path, &layout).await
            } else {
                app.admin.delete(&path).await
            }
        });
        match (announced.status.as_u16(), changed.status.as_u16()) {
            (201, 200 | 409) | (404, 204) => {}
            other => panic!("round {round}: {other:?}"),
        }
    }
    let wrong = "SELECT count(*) FROM event_service.events e JOIN event_service.halls h ON h.id = e.hall_id
        WHERE h.capacity <> (SELECT count(*) FROM event_service.seats s WHERE s.event_id = e.id)";
    assert_eq!(app.count(wrong).await, 0);
}
