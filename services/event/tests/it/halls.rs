use crate::helpers::{App, broken_fields, hall_body, id};
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
