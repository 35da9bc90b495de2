//! What a careless or hostile client may send to each endpoint, through the gateway: always a problem with a code, never a
//! 500, and nothing happens.

use http::Method;
use serde_json::{Value, json};
use system_tests::{Buyer, System};
use test_support::{Api, Reply};
use uuid::Uuid;

/// Every endpoint that takes a JSON body, with who may call it and a body that is right in shape.
fn posts(id: Uuid) -> Vec<(Method, String, Who, Value)> {
    let seats = json!({"eventId": id, "seatIds": [id]});
    vec![
        (
            Method::POST,
            "/auth/register".into(),
            Who::Anybody,
            json!({
            "email": "a@example.com", "password": "Passw0rd!", "name": "김철수", "phone": "010-1234-5678",
            "captchaToken": "sim-pass-x", "identityVerificationId": "x", "agreements": []}),
        ),
        (
            Method::POST,
            "/auth/login".into(),
            Who::Anybody,
            json!({"email": "a@example.com", "password": "x", "captchaToken": "x"}),
        ),
        (
            Method::POST,
            "/auth/refresh".into(),
            Who::Anybody,
            json!({"refreshToken": "x"}),
        ),
        (
            Method::POST,
            "/auth/logout".into(),
            Who::Buyer,
            json!({"refreshToken": "x"}),
        ),
        (
            Method::POST,
            "/venues".into(),
            Who::Admin,
            json!({"name": "x", "address": "y", "city": "z"}),
        ),
        (
            Method::POST,
            format!("/venues/{id}/halls"),
            Who::Admin,
            json!({
            "name": "x", "seatTemplate": {"rows": ["A"], "seatsPerRow": 1, "gradeMapping": {"A": "VIP"}}}),
        ),
        (
            Method::POST,
            "/events".into(),
            Who::Admin,
            json!({
            "title": "x", "artist": "y", "hallId": id, "eventStartAt": "2099-01-01T00:00:00Z",
            "eventEndAt": "2099-01-01T01:00:00Z", "saleStartAt": "2020-01-01T00:00:00Z",
            "saleEndAt": "2098-01-01T00:00:00Z", "prices": {"VIP": 1000}}),
        ),
        (Method::POST, "/queue/enter".into(), Who::Buyer, json!({"eventId": id})),
        (
            Method::PUT,
            format!("/queue/admin/events/{id}"),
            Who::Admin,
            json!({"paused": true}),
        ),
        (Method::POST, "/reservations/hold".into(), Who::Admitted, seats),
        (
            Method::POST,
            "/payments/confirm".into(),
            Who::Buyer,
            json!({"paymentKey": id, "paymentToken": "x"}),
        ),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Anybody,
    Buyer,
    /// A buyer with a queue token.
    Admitted,
    Admin,
}

struct Callers {
    anybody: Api,
    buyer: Api,
    admitted: Api,
    admin: Api,
}

impl Callers {
    async fn new(system: &System) -> Self {
        let admin = system.admin().await;
        let sale = admin.open_sale(1, 2).await;
        let buyer = Buyer::register(system).await;
        let token = buyer.queue(&sale).await;
        Self {
            anybody: system.gateway(),
            buyer: buyer.api().clone(),
            admitted: buyer.api().with_header("X-Queue-Token", &token),
            admin: admin.api().clone(),
        }
    }

    fn of(&self, who: Who) -> &Api {
        match who {
            Who::Anybody => &self.anybody,
            Who::Buyer => &self.buyer,
            Who::Admitted => &self.admitted,
            Who::Admin => &self.admin,
        }
    }
}

#[track_caller]
fn assert_problem(what: &str, reply: &Reply, status: u16) {
    assert_eq!(reply.status.as_u16(), status, "{what}: {reply:#?}");
    assert_eq!(
        reply.header("content-type"),
        Some("application/problem+json"),
        "{what}: {reply:#?}"
    );
    for member in ["type", "title", "code", "requestId"] {
        assert!(
            reply.body[member].as_str().is_some_and(|text| !text.is_empty()),
            "{what}: no {member} in {reply:#?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_body_is_read_strictly() {
    let system = System::start().await;
    let callers = Callers::new(&system).await;
    for (method, path, who, good) in posts(Uuid::now_v7()) {
        let api = callers.of(who);
        let send =
            |content_type: &'static str, body: Vec<u8>| api.send(method.clone(), &path, Some((content_type, body)));
        let json_type = "application/json";
        let what = |case: &str| format!("{method} {path}: {case}");

        assert_problem(&what("no JSON"), &send(json_type, b"{\"x\"".to_vec()).await, 400);
        assert_problem(&what("a list"), &send(json_type, b"[]".to_vec()).await, 400);
        assert_problem(&what("null"), &send(json_type, b"null".to_vec()).await, 400);
        let mut unknown = good.clone();
        unknown["role"] = json!("ADMIN");
        assert_problem(
            &what("an unknown field"),
            &send(json_type, unknown.to_string().into_bytes()).await,
            400,
        );
        for name in good.as_object().unwrap().keys() {
            let mut wrong = good.clone();
            wrong[name] = json!({"a": [1, 2.5, null]});
            let case = what(&format!("a wrong type of {name}"));
            assert_problem(&case, &send(json_type, wrong.to_string().into_bytes()).await, 400);
        }
        assert_problem(
            &what("text"),
            &send("text/plain", good.to_string().into_bytes()).await,
            415,
        );
        let large = json!({"x": "x".repeat(70_000)}).to_string().into_bytes();
        assert_problem(&what("too large"), &send(json_type, large).await, 413);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_asks_who_is_there() {
    let system = System::start().await;
    let callers = Callers::new(&system).await;
    let id = Uuid::now_v7();
    for (method, path, who, good) in posts(id) {
        if who == Who::Anybody {
            continue;
        }
        let what = format!("{method} {path}");
        let anonymous = callers.anybody.call(method.clone(), &path, Some(&good)).await;
        assert_problem(&format!("{what} by nobody"), &anonymous, 401);
        let forged = callers
            .anybody
            .with_token("a.b.c")
            .call(method.clone(), &path, Some(&good))
            .await;
        assert_problem(&format!("{what} with a forged token"), &forged, 401);
        if who == Who::Admin {
            let buyer = callers.buyer.call(method.clone(), &path, Some(&good)).await;
            assert_problem(&format!("{what} by a buyer"), &buyer, 403);
        }
        if who == Who::Admitted {
            let without = callers.buyer.call(method.clone(), &path, Some(&good)).await;
            without.expect_problem(403, "QUEUE_TOKEN_REQUIRED");
        }
    }
    for path in ["/users/me", "/queue/status", "/reservations", "/payments"] {
        assert_problem(path, &callers.anybody.get(path).await, 401);
    }
    let payment = json!({"reservationId": id, "paymentKey": id, "paymentMethod": "CARD"});
    callers
        .buyer
        .post("/payments", &payment)
        .await
        .expect_problem(403, "QUEUE_TOKEN_REQUIRED");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_things_bad_ids_and_wrong_methods_are_told_apart() {
    let system = System::start().await;
    let callers = Callers::new(&system).await;
    let id = Uuid::now_v7();
    for path in [
        format!("/events/{id}"),
        format!("/venues/{id}"),
        format!("/reservations/{id}"),
        format!("/payments/{id}"),
        "/nothing".to_owned(),
        "/events/x/y/z".to_owned(),
    ] {
        assert_problem(&path, &callers.buyer.get(&path).await, 404);
    }
    for path in [
        "/events/no-id",
        "/venues/no-id",
        "/reservations/no-id",
        "/payments/no-id",
    ] {
        assert_problem(path, &callers.buyer.get(path).await, 400);
    }
    for path in [
        "/events?size=0",
        "/events?size=101",
        "/events?page=-1",
        "/events?sort=price",
        "/events?unknown=1",
        "/venues?size=0",
        "/reservations?size=0",
        "/reservations?status=SOLD",
        "/payments?size=0",
    ] {
        assert_problem(path, &callers.buyer.get(path).await, 400);
    }
    for (method, path) in [
        (Method::PATCH, "/users/me"),
        (Method::DELETE, "/auth/login"),
        (Method::POST, "/terms"),
    ] {
        let reply = callers.buyer.call(method.clone(), path, Some(&json!({}))).await;
        assert_problem(&format!("{method} {path}"), &reply, 405);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_means_one_request() {
    let system = System::start().await;
    let admin = system.admin().await;
    let api = admin.api().with_header("Idempotency-Key", "venue-1");
    let venue = json!({"name": "한 번", "address": "y", "city": "z"});
    let first = api.post("/venues", &venue).await.expect(201);
    let second = api.post("/venues", &venue).await.expect(201);
    assert_eq!(first, second);
    let other = json!({"name": "두 번", "address": "y", "city": "z"});
    api.post("/venues", &other)
        .await
        .expect_problem(422, "IDEMPOTENCY_KEY_REUSED");
    let bad = admin.api().with_header("Idempotency-Key", &"x".repeat(129));
    bad.post("/venues", &venue)
        .await
        .expect_problem(400, "VALIDATION_FAILED");
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_and_payments_that_cannot_be_are_refused_with_their_codes() {
    let system = System::start().await;
    let sale = system.admin().await.open_sale(1, 8).await;
    let buyer = Buyer::register(&system).await;
    let token = buyer.queue(&sale).await;
    let seats = buyer.free_seats(&sale, 6).await;
    let five = buyer.try_hold(&sale, &token, &seats[..5]).await;
    assert!(matches!(five.status.as_u16(), 400 | 409), "{five:?}");
    buyer
        .try_hold(&sale, &token, &[])
        .await
        .expect_problem(400, "VALIDATION_FAILED");
    buyer
        .try_hold(&sale, &token, &[seats[0], seats[0]])
        .await
        .expect_problem(400, "VALIDATION_FAILED");
    let unknown = buyer.try_hold(&sale, &token, &[Uuid::now_v7()]).await;
    assert!(matches!(unknown.status.as_u16(), 400 | 404), "{unknown:?}");
    buyer
        .try_hold(&sale, "qr_nonsense", &seats[..1])
        .await
        .expect_problem(403, "QUEUE_TOKEN_INVALID");

    let hold = buyer.hold(&sale, &token, &seats[..2]).await;
    let paying = buyer.api().with_header("X-Queue-Token", &hold.payment_token);
    let payment = |amount: i64| json!({"reservationId": hold.reservation_id, "paymentKey": Uuid::new_v4(), "paymentMethod": "CARD", "amount": amount});
    paying
        .post("/payments", &payment(1))
        .await
        .expect_problem(409, "AMOUNT_MISMATCH");
    let unknown_method =
        json!({"reservationId": hold.reservation_id, "paymentKey": Uuid::new_v4(), "paymentMethod": "CASH"});
    paying
        .post("/payments", &unknown_method)
        .await
        .expect_problem(400, "VALIDATION_FAILED");
    let webhook = system
        .gateway()
        .post("/payments/webhook/portone", &json!({"type": "Transaction.Paid"}))
        .await;
    assert_eq!(webhook.status.as_u16(), 401, "{webhook:?}");
}
