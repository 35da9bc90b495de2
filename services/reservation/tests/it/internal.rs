use crate::helpers::App;
use common::internal_auth::Service;
use serde_json::json;
use uuid::Uuid;

#[tokio::test]
async fn each_internal_route_has_its_callers() {
    let app = App::start().await;
    let (event, id) = (app.event_id, Uuid::now_v7());
    for (path, caller) in [
        (format!("/internal/reservations/availability/{event}"), Service::Queue),
        (format!("/internal/reservations/pending/{event}"), Service::Queue),
        (format!("/internal/reservations/exists/{event}"), Service::Event),
        (format!("/internal/reservations/{id}?userId={id}"), Service::Payment),
    ] {
        for other in Service::ALL.into_iter().filter(|service| *service != caller) {
            app.as_service(other).get(&path).await.expect_problem(403, "FORBIDDEN");
        }
        let status = app.as_service(caller).get(&path).await.status.as_u16();
        assert!([200, 404].contains(&status), "{path}: {status}");
    }
    for path in ["payment-lock", "payment-unlock"] {
        let path = format!("/internal/reservations/{id}/{path}");
        app.as_service(Service::Gateway)
            .post(&path, &json!({}))
            .await
            .expect_problem(403, "FORBIDDEN");
    }
}

#[tokio::test]
async fn availability_counts_sold_seats_and_claims_count_any() {
    let app = App::start().await;
    let event = app.event_id;
    let availability = format!("/internal/reservations/availability/{event}");
    let claims = format!("/internal/reservations/exists/{event}");
    let (queue, events) = (app.as_service(Service::Queue), app.as_service(Service::Event));
    assert_eq!(
        events.get(&claims).await.expect(200),
        json!({"exists": false, "closed": false})
    );

    let buyer = app.buyer();
    let id = buyer.hold(&[1, 2]).await;
    assert_eq!(
        events.get(&claims).await.expect(200),
        json!({"exists": true, "closed": false})
    );
    let expected = json!({"eventId": event, "total": 12, "sold": 0, "unsold": 12});
    assert_eq!(queue.get(&availability).await.expect(200), expected);

    app.confirm(id).await;
    let expected = json!({"eventId": event, "total": 12, "sold": 2, "unsold": 10});
    assert_eq!(queue.get(&availability).await.expect(200), expected);

    let _ = buyer.api.delete(&format!("/reservations/{id}")).await.expect(200);
    assert_eq!(
        events.get(&claims).await.expect(200),
        json!({"exists": false, "closed": false})
    );
    let unknown = format!("/internal/reservations/availability/{}", Uuid::now_v7());
    queue.get(&unknown).await.expect_problem(404, "EVENT_NOT_FOUND");
}

#[tokio::test]
async fn a_payment_learns_amount_and_state_of_its_own_users_reservation() {
    let app = App::start().await;
    let buyer = app.buyer();
    let id = buyer.hold(&[1, 2]).await;
    let payment = app.as_service(Service::Payment);
    let told = payment
        .get(&format!("/internal/reservations/{id}?userId={}", buyer.id))
        .await
        .expect(200);
    assert_eq!(
        (&told["status"], &told["totalAmount"], &told["version"]),
        (&json!("PENDING"), &json!(300_000), &json!(1))
    );
    assert_eq!(told["grantId"], json!(format!("grant-of-{}", buyer.id)));
    assert_eq!(told["seats"].as_array().unwrap().len(), 2);
    let other = format!("/internal/reservations/{id}?userId={}", Uuid::now_v7());
    payment.get(&other).await.expect_problem(404, "NOT_FOUND");
}
