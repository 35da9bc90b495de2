use crate::helpers::{MustBe, World};
use serde_json::{Value, json};
use uuid::Uuid;

async fn issue(world: &World, token: &str, kind: &str, user: Uuid) {
    let record = json!({"userId": user, "eventId": Uuid::now_v7(), "type": kind, "issuedAt": "2026-11-22T10:00:00Z"});
    world
        .redis
        .set(&format!("queue:token:{token}"), &record.to_string())
        .await;
}

fn hold() -> Value {
    json!({"eventId": Uuid::now_v7(), "seatIds": [Uuid::now_v7()]})
}

#[tokio::test]
async fn holding_and_paying_need_the_callers_own_token_of_that_kind() {
    let world = World::new().await;
    let (buyer, other) = (world.somebody(), world.somebody());
    issue(&world, "qr_mine", "RESERVATION", buyer.id).await;
    issue(&world, "qp_mine", "PAYMENT", buyer.id).await;
    issue(&world, "qr_other", "RESERVATION", other.id).await;
    world.redis.set("queue:token:qr_broken", "{").await;

    for (path, own) in [("/reservations/hold", "qr_mine"), ("/payments", "qp_mine")] {
        buyer
            .api
            .post(path, &hold())
            .await
            .expect_problem(403, "QUEUE_TOKEN_REQUIRED");
        let with = |token: &str| buyer.api.with_header("x-queue-token", token);
        let wrong_kind = if own == "qr_mine" { "qp_mine" } else { "qr_mine" };
        for bad in [
            "qr_unknown",
            "qr_other",
            "qr_broken",
            wrong_kind,
            "with blank",
            &"x".repeat(200),
        ] {
            with(bad)
                .post(path, &hold())
                .await
                .expect_problem(403, "QUEUE_TOKEN_INVALID");
        }
        with(own).post(path, &hold()).await.must_be(200);
    }
    let requests = world.upstream.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(
        requests[0].header("x-queue-token"),
        Some("qr_mine"),
        "the service checks the event with it"
    );
}

#[tokio::test]
async fn other_routes_need_no_queue_token() {
    let world = World::new().await;
    let buyer = world.somebody();
    buyer.api.put("/reservations/hold/1", &hold()).await.must_be(200);
    buyer.api.post("/payments/confirm", &json!({})).await.must_be(200);
}
