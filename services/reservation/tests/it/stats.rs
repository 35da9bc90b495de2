//! What administrators see of all bookings (`design.md` §12).

use crate::helpers::{App, SOON};
use serde_json::{Value, json};
use test_support::{Api, eventually};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn administrators_see_what_is_under_way_and_others_do_not() {
    let app = App::start().await;
    let (gateway, path) = (Api::as_gateway(&app.running.url()), "/reservations/admin/stats");
    gateway.get(path).await.expect_problem(401, "UNAUTHENTICATED");
    let buyer = app.buyer();
    buyer.api.get(path).await.expect_problem(403, "FORBIDDEN");

    let admin = gateway.as_admin(Uuid::now_v7());
    let shows = |what: &'static str, expected: Value| {
        let admin = &admin;
        async move {
            eventually(what, SOON, || async {
                let stats = admin.get(path).await.expect(200);
                (stats["bookings"] == expected).then_some(stats)
            })
            .await
        }
    };
    let bookings = |held, paying, lately_held, lately_confirmed| {
        json!({
            "held": held, "paying": paying, "overdue": 0, "latelyHeld": lately_held, "latelyConfirmed": lately_confirmed,
            "eventsClosing": 0,
        })
    };
    let _nothing = shows("nothing", bookings(0, 0, 0, 0)).await;
    let held = buyer.hold(&[1, 2]).await;
    app.buyer().hold(&[3]).await;
    let stats = shows("two holds", bookings(2, 0, 2, 0)).await;
    let pools = stats["process"]["pools"].as_array().unwrap();
    assert!(
        pools
            .iter()
            .any(|pool| pool["name"] == "workers" && pool["max"].as_u64() > Some(0)),
        "{stats}"
    );
    let total = buyer.reservation(held).await["totalAmount"].as_i64().unwrap();
    let _locked = app.lock(&buyer, held, Uuid::now_v7(), total).await.expect(200);
    let _paying = shows("one being paid", bookings(2, 1, 2, 0)).await;
    app.confirm(held).await;
    let _confirmed = shows("one confirmed", bookings(1, 0, 2, 1)).await;
}
