use crate::{helpers::World, putting_off::ticked};
use chrono::{DateTime, TimeDelta, Utc};
use common::{Clock, internal_auth::Service};
use serde_json::json;
use test_support::{Api, eventually};
use uuid::Uuid;

#[tokio::test]
async fn entries_that_cannot_be_are_refused_with_their_code_and_leave_no_claim() {
    let world = World::with(&[("QUEUE_CAPACITY", "1")]).await;
    let buyer = world.buyer();
    buyer
        .try_enter(Uuid::now_v7())
        .await
        .expect_problem(404, "EVENT_NOT_FOUND");

    let event = world.neighbours.event();
    let opens = Clock::system().now() + TimeDelta::seconds(90);
    world
        .neighbours
        .change(event, |facts| (facts.status, facts.sale_start_at) = ("UPCOMING", opens));
    let reply = buyer.try_enter(event).await;
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((80..=90).contains(&wait), "{wait}");
    let problem = reply.expect_problem(409, "SALE_NOT_OPEN");
    assert_eq!(
        problem["saleStartAt"]
            .as_str()
            .unwrap()
            .parse::<DateTime<Utc>>()
            .unwrap(),
        opens
    );
    assert!(problem["serverTime"].is_string());

    let event = world.neighbours.event();
    world.neighbours.change(event, |facts| {
        facts.sale_end_at = Clock::system().now() - TimeDelta::seconds(1);
    });
    buyer.try_enter(event).await.expect_problem(409, "SALE_CLOSED");

    let event = world.neighbours.event();
    world.neighbours.change(event, |facts| facts.status = "CANCELLED");
    buyer.try_enter(event).await.expect_problem(409, "SALE_CLOSED");

    let event = world.neighbours.event();
    world.neighbours.change(event, |facts| facts.unsold = Some(0));
    buyer.try_enter(event).await.expect_problem(409, "SOLD_OUT");

    let event = world.neighbours.event();
    world.set(event, json!({"paused": true})).await;
    world.buyer().enter(event).await;
    let full = buyer.try_enter(event).await;
    assert!(full.header("retry-after").is_some());
    full.expect_problem(409, "QUEUE_FULL");

    let claimed: bool = redis::cmd("EXISTS")
        .arg(format!("queue:active:{}", buyer.id))
        .query_async(&mut world.redis().await)
        .await
        .unwrap();
    assert!(!claimed);
}

#[tokio::test]
async fn a_sale_that_is_not_open_or_over_says_so_whatever_is_left() {
    let world = World::new().await;
    let (event, buyer) = (world.neighbours.event(), world.buyer());
    let now = Clock::system().now();
    world.neighbours.change(event, |facts| {
        facts.unsold = Some(0);
        facts.sale_start_at = now + TimeDelta::seconds(90);
    });
    let problem = buyer.try_enter(event).await.expect_problem(409, "SALE_NOT_OPEN");
    assert!(problem["saleStartAt"].is_string() && problem["serverTime"].is_string());
    let event = world.neighbours.event();
    world.neighbours.change(event, |facts| {
        facts.unsold = Some(0);
        facts.sale_end_at = now - TimeDelta::seconds(1);
    });
    buyer.try_enter(event).await.expect_problem(409, "SALE_CLOSED");
}

#[tokio::test]
async fn a_sold_out_line_keeps_its_places_and_moves_when_seats_come_back() {
    let world = World::new().await;
    let (event, buyer) = (world.neighbours.event(), world.buyer());
    world.set(event, json!({"paused": true})).await;
    buyer.enter(event).await;
    world.neighbours.change(event, |facts| facts.unsold = Some(0));
    // Until then the last admission may rest on what was unsold a second ago, so the line is paused.
    eventually("the last seat is gone", crate::helpers::SOON, || async {
        (world.buyer().try_enter(event).await.body["code"] == "SOLD_OUT").then_some(())
    })
    .await;
    world.set(event, json!({"paused": false})).await;
    ticked(&world, event).await;
    let waiting = buyer.enter(event).await;
    assert_eq!(
        (&waiting["status"], &waiting["estimatedWaitSeconds"]),
        (&json!("WAITING"), &json!(null))
    );
    world.neighbours.change(event, |facts| facts.unsold = Some(1));
    buyer.admitted().await;
}

#[tokio::test]
async fn nobody_is_admitted_while_the_seats_cannot_be_counted() {
    let world = World::with(&[("AVAILABILITY_UNKNOWN_SECONDS", "0.2")]).await;
    let (event, buyer) = (world.neighbours.event(), world.buyer());
    world.neighbours.change(event, |facts| facts.unsold = None);
    buyer.enter(event).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let waiting = buyer.status().await.expect(200);
    assert_eq!(
        (&waiting["status"], &waiting["estimatedWaitSeconds"]),
        (&json!("WAITING"), &json!(null))
    );
    world.neighbours.change(event, |facts| facts.unsold = Some(5));
    buyer.admitted().await;
}

#[tokio::test]
async fn bad_requests_are_refused_by_the_letter() {
    let world = World::new().await;
    let (buyer, admin, event) = (world.buyer(), world.admin(), world.neighbours.event());
    let enter = "/queue/enter";
    for body in [
        json!({}),
        json!({"eventId": "x"}),
        json!({"eventId": event, "priority": 1}),
        json!([]),
    ] {
        buyer
            .api
            .post(enter, &body)
            .await
            .expect_problem(400, "VALIDATION_FAILED");
    }
    let raw = |content_type: &'static str, body: &str| {
        let (api, body) = (buyer.api.clone(), body.as_bytes().to_vec());
        async move { api.send(http::Method::POST, enter, Some((content_type, body))).await }
    };
    raw("application/json", "{")
        .await
        .expect_problem(400, "MALFORMED_REQUEST");
    raw("text/plain", "{}")
        .await
        .expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
    raw("application/json", &format!("\"{}\"", "x".repeat(70_000)))
        .await
        .expect_problem(413, "PAYLOAD_TOO_LARGE");
    buyer
        .api
        .get("/queue/status?eventId=x")
        .await
        .expect_problem(400, "VALIDATION_FAILED");
    buyer
        .api
        .get("/queue/enter")
        .await
        .expect_problem(405, "METHOD_NOT_ALLOWED");
    admin
        .get("/queue/admin/stats")
        .await
        .expect_problem(400, "VALIDATION_FAILED");
    admin
        .get(&format!("/queue/admin/stats?eventId={}", Uuid::now_v7()))
        .await
        .expect_problem(404, "EVENT_NOT_FOUND");
    let settings = format!("/queue/admin/events/{event}");
    for change in [
        json!({"admissionPerSecond": 0}),
        json!({"admissionPerSecond": 10_001}),
        json!({"admissionPerSecond": -1}),
        json!({"maxActive": 1_000_001}),
        json!({"paused": "yes"}),
        json!({"rate": 1}),
    ] {
        admin
            .put(&settings, &change)
            .await
            .expect_problem(400, "VALIDATION_FAILED");
    }
    admin
        .put("/queue/admin/events/x", &json!({}))
        .await
        .expect_problem(400, "VALIDATION_FAILED");
    admin
        .put(
            &format!("/queue/admin/events/{}", Uuid::now_v7()),
            &json!({"paused": true}),
        )
        .await
        .expect_problem(404, "EVENT_NOT_FOUND");
    // A ticket that is not ours is no ticket.
    buyer
        .api
        .with_header("x-queue-ticket", "e30.e30")
        .get("/queue/status")
        .await
        .expect_problem(404, "NOT_QUEUED");
}

#[tokio::test]
async fn only_the_right_caller_gets_in() {
    let world = World::new().await;
    let event = world.neighbours.event();
    let (buyer, outside) = (world.buyer(), Api::new(&world.replicas[0].url()));
    let stats = format!("/queue/admin/stats?eventId={event}");
    let enter = json!({"eventId": event});
    outside
        .post("/queue/enter", &enter)
        .await
        .expect_problem(403, "FORBIDDEN");
    world
        .gateway()
        .post("/queue/enter", &enter)
        .await
        .expect_problem(401, "UNAUTHENTICATED");
    world
        .gateway()
        .get("/queue/status")
        .await
        .expect_problem(401, "UNAUTHENTICATED");
    world
        .gateway()
        .delete("/queue/leave")
        .await
        .expect_problem(401, "UNAUTHENTICATED");
    buyer.api.get(&stats).await.expect_problem(403, "FORBIDDEN");
    buyer
        .api
        .put(&format!("/queue/admin/events/{event}"), &json!({}))
        .await
        .expect_problem(403, "FORBIDDEN");
    let issue = json!({"userId": buyer.id, "eventId": event, "reservationId": Uuid::now_v7()});
    let question = json!({"token": "qr_x", "type": "RESERVATION", "userId": buyer.id, "eventId": event});
    for caller in [Service::Gateway, Service::Payment, Service::Event] {
        world
            .service(caller)
            .post("/internal/queue/payment-tokens", &issue)
            .await
            .expect_problem(403, "FORBIDDEN");
    }
    for caller in [Service::Gateway, Service::Event] {
        world
            .service(caller)
            .post("/internal/queue/tokens/validate", &question)
            .await
            .expect_problem(403, "FORBIDDEN");
    }
    let _answer = world
        .service(Service::Payment)
        .post("/internal/queue/tokens/validate", &question)
        .await
        .expect(200);
}
