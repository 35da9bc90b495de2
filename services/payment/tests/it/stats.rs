//! What administrators see of all payments (design.md §12).

use serde_json::{Value, json};
use test_support::{Api, eventually};
use uuid::Uuid;

use crate::{
    refunding::request_refund,
    world::{SOON, World},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn administrators_see_what_is_under_way_and_others_do_not() {
    let world = World::start().await;
    let gateway = Api::as_gateway(&world.service.url());
    let path = "/payments/admin/stats";
    gateway.get(path).await.expect_problem(401, "UNAUTHENTICATED");
    world
        .as_user(Uuid::now_v7())
        .get(path)
        .await
        .expect_problem(403, "FORBIDDEN");

    let admin = gateway.as_admin(Uuid::now_v7());
    let shows = |what: &'static str, expected: Value| {
        let admin = &admin;
        async move {
            eventually(what, SOON, || async {
                let stats = admin.get(path).await.expect(200);
                (stats["money"] == expected).then_some(stats)
            })
            .await
        }
    };
    let money = |begun, succeeded, failed_refunds, under_way, awaited| {
        json!({
            "payments": {"begun": begun, "confirming": 0, "latelySucceeded": succeeded, "latelyFailed": 0},
            "refunds": {"underWay": under_way, "failed": failed_refunds},
            "sagas": {"awaited": awaited, "stuck": 0},
        })
    };
    let _nothing = shows("nothing", money(0, 0, 0, 0, 0)).await;
    let _open = world.unconfirmed().await;
    let paid = world.paid().await;
    let stats = shows("one begun, one paid", money(1, 1, 0, 0, 1)).await;
    assert!(stats["process"]["outbox"]["oldestSeconds"].is_number(), "{stats}");
    let breakers = stats["process"]["breakers"].as_array().unwrap();
    assert!(breakers.iter().any(|breaker| breaker["name"] == "portone"), "{stats}");

    world.portone.faults(json!({"cancel": {"errorRate": 1.0}})).await;
    request_refund(&world, paid).await;
    let _refunding = shows("a refund under way", money(1, 1, 0, 1, 1)).await;
    sqlx::query("update payment_service.refunds set status = 'FAILED', next_attempt_at = null where payment_id = $1")
        .bind(paid.id)
        .execute(&world.db)
        .await
        .unwrap();
    let _failed = shows("a failed refund", money(1, 1, 1, 0, 1)).await;
}
