//! Changing an event and its poster: the event service dies half-way, the administrator asks again, and what is sold
//! afterwards is what the event shows.

use super::shopper::insist;
use http::Method;
use serde_json::json;
use std::time::Duration;
use system_tests::{Buyer, Part, System};
use test_support::{TestEnv, eventually};

/// The points that the tests below reach.
pub(super) const POINTS: [&str; 4] = [
    "event.change.claims-looked-at",
    "event.change.committed",
    "event.poster.kept",
    "event.poster.committed",
];

/// A whole PNG as far as its frame tells.
const POSTER: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x14\0\0\0\x1e\x08\x02\0\0\0....\0\0\0\0IEND\xae\x42\x60\x82";

#[tokio::test(flavor = "multi_thread")]
async fn changing_an_event_dies_at_each_step_and_seats_are_sold_by_what_it_became() {
    let (env, _bucket) = TestEnv::new().await.with_bucket().await;
    let mut system = System::start_in(env, &[]).await;
    let admin = system.admin().await;
    for point in [POINTS[0], POINTS[1]] {
        let sale = admin.announce_sale().await;
        let path = format!("/events/{}", sale.event_id);
        // Other prices, and on sale at once.
        let change = json!({"prices": {"VIP": 170_000}, "saleStartAt": "2020-01-01T00:00:00Z"});
        system.arm(Part::Event, point);
        let changing = {
            let (api, path) = (admin.api().with_header("if-match", "\"1\""), path.clone());
            tokio::spawn(async move { insist(|| api.put(&path, &change)).await.status.as_u16() })
        };
        system.wait_for_death(Part::Event).await;
        system.restart(Part::Event).await;
        // Asked again after the change, it is another version already.
        assert!([200, 412].contains(&changing.await.unwrap()));
        let shown = insist(|| admin.api().get(&path)).await.expect(200);
        assert_eq!((&shown["version"], &shown["minPrice"]), (&json!(2), &json!(170_000)));
        let buyer = Buyer::register(&system).await;
        // Queue and reservation service know of it as soon as the message has come.
        let entry = json!({"eventId": sale.event_id});
        let map = format!("/reservations/seats/{}", sale.event_id);
        eventually("the others have heard of it", Duration::from_secs(60), || async {
            let entered = insist(|| buyer.api().post("/queue/enter", &entry)).await;
            let seats = insist(|| buyer.api().get(&map)).await.expect(200);
            (entered.status == 200 && seats.to_string().contains("170000")).then_some(())
        })
        .await;
        assert_eq!(buyer.queue_and_hold(&sale, 1).await.amount, 170_000);
    }
    for point in [POINTS[2], POINTS[3]] {
        let path = format!("/events/{}", admin.announce_sale().await.event_id);
        system.arm(Part::Event, point);
        let uploading = {
            let (api, path) = (admin.api().clone(), format!("{path}/poster"));
            let upload = move || {
                let (api, path) = (api.clone(), path.clone());
                async move { api.send(Method::PUT, &path, Some(("image/png", POSTER.to_vec()))).await }
            };
            tokio::spawn(async move { insist(upload).await })
        };
        system.wait_for_death(Part::Event).await;
        system.restart(Part::Event).await;
        let uploaded = uploading.await.unwrap().expect(200);
        let shown = insist(|| admin.api().get(&path)).await.expect(200);
        assert_eq!(shown["posterUrl"], uploaded["posterUrl"]);
    }
    system.audit().await;
}
