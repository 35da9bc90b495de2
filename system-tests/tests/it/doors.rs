//! Who gets in where.

use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use system_tests::{Buyer, Hold, Part, System};
use test_support::{Api, eventually};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn the_services_refuse_who_does_not_come_through_the_gateway() {
    let system = System::start().await;
    let user = Uuid::now_v7().to_string();
    let internal = format!("/internal/events/{user}");
    for (part, path) in [
        (Part::User, "/users/me"),
        (Part::Event, "/events"),
        (Part::Event, internal.as_str()),
        (Part::Queue, "/queue/status"),
        (Part::Reservation, "/reservations"),
        (Part::Payment, "/payments"),
    ] {
        let direct = Api::new(&system.url(part))
            .with_header("X-User-Id", &user)
            .with_header("X-User-Role", "ADMIN");
        direct.get(path).await.expect_problem(403, "FORBIDDEN");
        let live = Api::new(&system.url(part)).get("/health/live").await;
        assert_eq!(live.status.as_u16(), 200, "health needs no credential");
    }
    // The gateway's own key opens no internal route.
    let gateway = Api::as_gateway(&system.url(Part::Event));
    gateway.get(&internal).await.expect_problem(403, "FORBIDDEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_buyers_things_do_not_exist_and_their_tokens_do_not_work() {
    let system = System::start().await;
    let admin = system.admin().await;
    let (sale, other_sale) = (admin.open_sale(1, 4).await, admin.open_sale(1, 4).await);
    let (owner, thief) = (Buyer::register(&system).await, Buyer::register(&system).await);
    let token = owner.queue(&sale).await;
    let seats = owner.free_seats(&sale, 2).await;
    thief
        .try_hold(&sale, &token, &seats)
        .await
        .expect_problem(403, "QUEUE_TOKEN_INVALID");
    let other_seats = owner.free_seats(&other_sale, 1).await;
    owner
        .try_hold(&other_sale, &token, &other_seats)
        .await
        .expect_problem(403, "QUEUE_TOKEN_INVALID");

    let hold = owner.hold(&sale, &token, &seats).await;
    thief
        .reservation(hold.reservation_id)
        .await
        .expect_problem(404, "NOT_FOUND");
    let path = format!("/reservations/{}", hold.reservation_id);
    thief.api().delete(&path).await.expect_problem(404, "NOT_FOUND");
    thief
        .api()
        .delete(&format!("/reservations/hold/{}", hold.reservation_id))
        .await
        .expect_problem(404, "NOT_FOUND");
    thief
        .create_payment(&hold, Uuid::new_v4())
        .await
        .expect_problem(403, "QUEUE_TOKEN_INVALID");
    // A reservation token does not pay, nor a payment token hold.
    owner
        .try_hold(&sale, &hold.payment_token, &seats)
        .await
        .expect_problem(403, "QUEUE_TOKEN_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_token_is_worth_as_long_as_its_place_and_for_nothing_else() {
    let system = System::start().await;
    let admin = system.admin().await;
    let (sale, other_sale) = (admin.open_sale(1, 4).await, admin.open_sale(1, 4).await);
    let buyer = Buyer::register(&system).await;
    let seats = buyer.free_seats(&sale, 1).await;
    let left = buyer.queue(&sale).await;
    for _ in 0..2 {
        let reply = buyer.api().delete("/queue/leave").await;
        assert_eq!(reply.status.as_u16(), 204, "{reply:?}");
    }
    buyer
        .try_hold(&sale, &left, &seats)
        .await
        .expect_problem(403, "QUEUE_TOKEN_INVALID");
    // Nor does the service take it, whatever the gateway knows.
    let me = buyer.api().get("/users/me").await.expect(200);
    let me = me["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    Api::as_gateway(&system.url(Part::Reservation))
        .as_user(me)
        .with_header("X-Queue-Token", &left)
        .post(
            "/reservations/hold",
            &json!({"eventId": sale.event_id, "seatIds": seats}),
        )
        .await
        .expect_problem(403, "QUEUE_TOKEN_INVALID");

    let token = buyer.queue(&sale).await;
    assert_ne!(token, left, "a new place has a new token");
    let hold = buyer.hold(&sale, &token, &seats).await;
    let reply = buyer.api().delete("/queue/leave").await;
    assert_eq!(reply.status.as_u16(), 204, "{reply:?}");
    let other_token = buyer.queue(&other_sale).await;
    let other_seats = buyer.free_seats(&other_sale, 2).await;
    let other = buyer.hold(&other_sale, &other_token, &other_seats[..1]).await;
    let mixed = Hold {
        payment_token: hold.payment_token.clone(),
        ..other.clone()
    };
    buyer
        .create_payment(&mixed, Uuid::new_v4())
        .await
        .expect_problem(403, "QUEUE_TOKEN_INVALID");

    // Leaving the line has cost neither the held seats nor the right to pay for them.
    for held in [&hold, &other] {
        let _payment = buyer.pay(held).await;
        let _confirmed = buyer.wait_for(held.reservation_id, "CONFIRMED").await;
        buyer
            .create_payment(held, Uuid::new_v4())
            .await
            .expect_problem(409, "RESERVATION_NOT_PENDING");
    }
    // The confirmation ends the place, and the token with it.
    eventually("the token has ended", Duration::from_secs(90), || async {
        let status = buyer.api().get("/queue/status").await;
        (status.status.as_u16() == 404).then_some(())
    })
    .await;
    buyer
        .try_hold(&other_sale, &other_token, &other_seats[1..])
        .await
        .expect_problem(403, "QUEUE_TOKEN_INVALID");
    system.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn identity_headers_of_clients_are_not_believed() {
    let system = System::start().await;
    let buyer = Buyer::register(&system).await;
    let me = buyer.api().get("/users/me").await.expect(200);
    let spoofed = buyer
        .api()
        .with_header("X-User-Id", &Uuid::now_v7().to_string())
        .with_header("X-User-Role", "ADMIN");
    assert_eq!(spoofed.get("/users/me").await.expect(200)["id"], me["id"]);
    let venue = json!({"name": "x", "address": "y", "city": "z"});
    spoofed.post("/venues", &venue).await.expect_problem(403, "FORBIDDEN");
    let anonymous = system
        .gateway()
        .with_header("X-User-Id", me["id"].as_str().unwrap())
        .with_header("X-User-Role", "USER");
    anonymous.get("/users/me").await.expect_problem(401, "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logged_out_session_is_over_at_once() {
    let system = System::start().await;
    let buyer = Buyer::register(&system).await;
    let logout = buyer.api().post("/auth/logout", &json!({})).await;
    assert_eq!(logout.status.as_u16(), 204, "{logout:?}");
    buyer.api().get("/users/me").await.expect_problem(401, "TOKEN_REVOKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_document_is_that_of_all_services_and_internal_routes_are_not_reachable() {
    let system = System::start().await;
    let merged = system.gateway().get("/openapi.json").await.expect(200);
    let paths = |document: &Value| -> BTreeSet<String> {
        document["paths"].as_object().expect("paths").keys().cloned().collect()
    };
    let merged = paths(&merged);
    for part in [Part::User, Part::Event, Part::Queue, Part::Reservation, Part::Payment] {
        let own = paths(&Api::new(&system.url(part)).get("/openapi.json").await.expect(200));
        assert!(
            !own.is_empty() && own.is_subset(&merged),
            "{part:?}: {own:?} not all in {merged:?}"
        );
    }
    assert!(!merged.iter().any(|path| path.starts_with("/internal")), "{merged:?}");
    let id = Uuid::now_v7();
    for path in [
        format!("/internal/events/{id}"),
        format!("/INTERNAL/events/{id}"),
        format!("/events/../internal/events/{id}"),
        format!("/events/%2e%2e/internal/events/{id}"),
    ] {
        let reply = system.gateway().get(&path).await;
        assert!(matches!(reply.status.as_u16(), 400 | 404), "{path}: {reply:?}");
    }
}
