//! Reading payments, and who may (design.md §3.5).

use serde_json::json;
use test_support::Api;
use uuid::Uuid;

use crate::world::{AMOUNT, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_sees_their_own_payments_only() {
    let world = World::start().await;
    let payment = world.unconfirmed().await;
    let (owner, other) = (world.as_user(payment.user), world.as_user(Uuid::now_v7()));
    let path = format!("/payments/{}", payment.id);

    let shown = owner.get(&path).await.expect(200);
    assert_eq!(shown["paymentId"], json!(payment.id));
    assert_eq!(shown["paymentKey"], json!(payment.key));
    assert_eq!(
        (&shown["status"], &shown["reservationStatus"]),
        (&json!("PENDING"), &json!("PENDING"))
    );
    assert_eq!((&shown["amount"], &shown["currency"]), (&json!(AMOUNT), &json!("KRW")));
    other.get(&path).await.expect_problem(404, "NOT_FOUND");
    owner
        .get("/payments/not-a-uuid")
        .await
        .expect_problem(400, "VALIDATION_FAILED");
    let nobody = Api::as_gateway(&world.service.url());
    nobody.get(&path).await.expect_problem(401, "UNAUTHENTICATED");

    assert_eq!(other.get("/payments").await.expect(200)["totalElements"], 0);
    let page = owner
        .get(&format!("/payments?reservationId={}&size=1", payment.reservation))
        .await
        .expect(200);
    assert_eq!(
        (&page["totalElements"], &page["content"][0]["paymentId"]),
        (&json!(1), &json!(payment.id))
    );
    let elsewhere = owner
        .get(&format!("/payments?reservationId={}", Uuid::now_v7()))
        .await
        .expect(200);
    assert_eq!(elsewhere["content"], json!([]));
    owner
        .get("/payments?size=101")
        .await
        .expect_problem(400, "VALIDATION_FAILED");
    owner
        .get("/payments?colour=red")
        .await
        .expect_problem(400, "VALIDATION_FAILED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reservation_service_learns_outcomes_and_nobody_else() {
    let world = World::start().await;
    let (begun, confirming) = (world.unconfirmed().await, world.confirming(1.0).await);
    let path = |id: Uuid| format!("/internal/payments/{id}/outcome");
    let reservation = world.as_reservation();

    let outcome = reservation.get(&path(begun.id)).await.expect(200);
    let expected = json!({
        "paymentId": begun.id, "reservationId": begun.reservation, "status": "PENDING", "confirmStarted": false,
    });
    assert_eq!(outcome, expected);
    assert_eq!(
        reservation.get(&path(confirming.id)).await.expect(200)["confirmStarted"],
        true
    );
    reservation
        .get(&path(Uuid::now_v7()))
        .await
        .expect_problem(404, "NOT_FOUND");
    world
        .as_user(begun.user)
        .get(&path(begun.id))
        .await
        .expect_problem(403, "FORBIDDEN");
    Api::new(&world.service.url())
        .get(&path(begun.id))
        .await
        .expect_problem(403, "FORBIDDEN");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_requests_are_problems_that_say_why() {
    let world = World::start().await;
    let payment = world.unconfirmed().await;
    let user = world.as_user(payment.user);
    let body = json!({"reservationId": payment.reservation, "paymentKey": payment.key, "paymentMethod": "CARD"});

    user.post("/payments", &body)
        .await
        .expect_problem(403, "QUEUE_TOKEN_REQUIRED");
    let wrong_kind = user.with_header("x-queue-token", "qr_x");
    wrong_kind
        .post("/payments", &body)
        .await
        .expect_problem(403, "QUEUE_TOKEN_INVALID");
    let buyer = user.with_header("x-queue-token", "qp_x");
    let mut unknown_field = body.clone();
    unknown_field["status"] = json!("SUCCESS");
    buyer
        .post("/payments", &unknown_field)
        .await
        .expect_problem(400, "VALIDATION_FAILED");
    let mut cash = body.clone();
    cash["paymentMethod"] = json!("CASH");
    buyer
        .post("/payments", &cash)
        .await
        .expect_problem(400, "VALIDATION_FAILED");

    let confirm = |key: Uuid, token: &str| json!({"paymentKey": key, "paymentToken": token});
    user.post("/payments/confirm", &confirm(payment.key, ""))
        .await
        .expect_problem(400, "VALIDATION_FAILED");
    let stranger = world.as_user(Uuid::now_v7());
    stranger
        .post("/payments/confirm", &confirm(payment.key, "t"))
        .await
        .expect_problem(404, "NOT_FOUND");
    user.put("/payments/confirm", &json!({}))
        .await
        .expect_problem(405, "METHOD_NOT_ALLOWED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_key_gives_the_same_payment_and_only_that() {
    let world = World::start().await;
    let payment = world.unconfirmed().await;
    let buyer = world.as_user(payment.user).with_header("x-queue-token", "qp_x");
    let request =
        |reservation: Uuid| json!({"reservationId": reservation, "paymentKey": payment.key, "paymentMethod": "CARD"});

    let again = buyer.post("/payments", &request(payment.reservation)).await.expect(200);
    assert_eq!(again["paymentId"], json!(payment.id));
    assert_eq!(again["checkout"]["paymentId"], json!(payment.id.simple().to_string()));
    assert_eq!(again["checkout"]["totalAmount"], json!(AMOUNT));
    buyer
        .post("/payments", &request(Uuid::now_v7()))
        .await
        .expect_problem(409, "PAYMENT_KEY_REUSED");
    let stranger = world.as_user(Uuid::now_v7()).with_header("x-queue-token", "qp_x");
    stranger
        .post("/payments", &request(payment.reservation))
        .await
        .expect_problem(409, "PAYMENT_KEY_REUSED");
    let mut cheaper = request(payment.reservation);
    cheaper["amount"] = json!(1);
    let problem = buyer
        .post("/payments", &cheaper)
        .await
        .expect_problem(409, "AMOUNT_MISMATCH");
    assert_eq!(problem["charged"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_has_every_route() {
    let world = World::start().await;
    let document = Api::new(&world.service.url()).get("/openapi.json").await.expect(200);
    let mut paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    paths.sort();
    assert_eq!(
        paths,
        [
            "/payments",
            "/payments/admin/stats",
            "/payments/confirm",
            "/payments/webhook/portone",
            "/payments/{id}"
        ]
    );
    let create = &document["paths"]["/payments"]["post"];
    for status in [
        "200", "201", "400", "401", "403", "404", "409", "413", "415", "500", "502", "503",
    ] {
        assert!(create["responses"][status].is_object(), "{status}");
    }
    assert!(document["components"]["schemas"]["CreatedPayment"].is_object());
}
