//! What belongs to one buyer does not exist for another, whichever way it is asked for, and what is for administrators is
//! for nobody else; by the real services behind the real gateway.

use http::Method;
use serde_json::{Value, json};
use system_tests::{Buyer, System};
use test_support::Reply;
use uuid::Uuid;

#[track_caller]
fn assert_problem(what: &str, reply: &Reply, status: u16, code: &str) {
    let got = (reply.status.as_u16(), reply.body["code"].as_str());
    assert_eq!(got, (status, Some(code)), "{what}: {reply:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_buyers_reservation_and_payment_are_404_and_admin_routes_403() {
    let system = System::start().await;
    let sale = system.admin().await.open_sale(1, 4).await;
    let (owner, thief) = (Buyer::register(&system).await, Buyer::register(&system).await);
    let hold = owner.queue_and_hold(&sale, 1).await;
    let key = Uuid::new_v4();
    let payment = owner.create_payment(&hold, key).await.expect(201);
    let (reservation, payment) = (
        hold.reservation_id,
        payment["paymentId"].as_str().expect("an id").to_owned(),
    );
    let free = owner.free_seats(&sale, 1).await;

    for (method, path, body) in [
        (Method::GET, format!("/reservations/{reservation}"), None),
        (Method::GET, format!("/reservations/{reservation}?wait=1"), None),
        (Method::DELETE, format!("/reservations/{reservation}"), None),
        (
            Method::PUT,
            format!("/reservations/hold/{reservation}"),
            Some(json!({"seatIds": free})),
        ),
        (Method::DELETE, format!("/reservations/hold/{reservation}"), None),
        (
            Method::POST,
            format!("/reservations/hold/{reservation}/payment-token"),
            None,
        ),
        (Method::GET, format!("/payments/{payment}"), None),
        (
            Method::POST,
            "/payments/confirm".to_owned(),
            Some(json!({"paymentKey": key, "paymentToken": "x"})),
        ),
    ] {
        let reply = thief.api().call(method.clone(), &path, body.as_ref()).await;
        assert_problem(&format!("{method} {path}"), &reply, 404, "NOT_FOUND");
    }
    let lists = [
        "/reservations".to_owned(),
        "/payments".to_owned(),
        format!("/payments?reservationId={reservation}"),
    ];
    for path in lists {
        let list = thief.api().get(&path).await.expect(200);
        assert_eq!(list["totalElements"], json!(0), "{path}: {list}");
    }
    // Nothing of it has changed anything.
    assert_eq!(owner.reservation(reservation).await.expect(200)["status"], "PENDING");

    let id = Uuid::now_v7();
    let empty = || Some(json!({}));
    let admins: Vec<(Method, String, Option<Value>)> = vec![
        (Method::GET, "/admin/users?email=a@example.com".into(), None),
        (Method::GET, format!("/admin/users/{id}"), None),
        (Method::POST, format!("/admin/users/{id}/lock"), empty()),
        (Method::POST, format!("/admin/users/{id}/unlock"), empty()),
        (Method::POST, "/events".into(), empty()),
        (Method::PUT, format!("/events/{}", sale.event_id), empty()),
        (Method::DELETE, format!("/events/{}", sale.event_id), None),
        (Method::POST, format!("/events/{}/cancel", sale.event_id), empty()),
        (Method::PUT, format!("/events/{}/poster", sale.event_id), empty()),
        (Method::POST, "/venues".into(), empty()),
        (Method::PUT, format!("/venues/{id}"), empty()),
        (Method::DELETE, format!("/venues/{id}"), None),
        (Method::POST, format!("/venues/{id}/halls"), empty()),
        (Method::PUT, format!("/venues/{id}/halls/{id}"), empty()),
        (Method::DELETE, format!("/venues/{id}/halls/{id}"), None),
        (
            Method::GET,
            format!("/queue/admin/stats?eventId={}", sale.event_id),
            None,
        ),
        (
            Method::PUT,
            format!("/queue/admin/events/{}", sale.event_id),
            Some(json!({"paused": true})),
        ),
    ];
    for (method, path, body) in admins {
        let what = format!("{method} {path}");
        let by_buyer = owner.api().call(method.clone(), &path, body.as_ref()).await;
        assert_problem(&what, &by_buyer, 403, "FORBIDDEN");
        let by_nobody = system.gateway().call(method, &path, body.as_ref()).await;
        assert_problem(&what, &by_nobody, 401, "UNAUTHENTICATED");
    }
    owner.pay(&hold).await;
    owner.wait_for(reservation, "CONFIRMED").await;
}
