//! Cancelling and deleting events (§8.5): every booking of a cancelled event ends, paid ones are refunded, whoever dies
//! half-way.

use super::{shopper::insist, system};
use serde_json::json;
use std::time::Duration;
use system_tests::{Buyer, Part};
use test_support::eventually;

/// The points that the tests below reach.
pub(super) const POINTS: [&str; 5] = [
    "event.cancel.committed",
    "reservation.closing.closed",
    "reservation.closing.chunk-committed",
    "event.delete.closed",
    "event.delete.committed",
];

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_an_event_dies_at_each_step_and_every_booking_ends() {
    let deaths = [
        (Part::Event, POINTS[0]),
        (Part::Reservation, POINTS[1]),
        (Part::Reservation, POINTS[2]),
    ];
    let mut system = system(&[("CLOSING_CHUNK", "1")]).await;
    let admin = system.admin().await;
    let mut sales = Vec::new();
    for (part, point) in deaths {
        let sale = admin.open_sale(1, 6).await;
        let (paying, holding) = (Buyer::register(&system).await, Buyer::register(&system).await);
        let paid = paying.queue_and_hold(&sale, 2).await;
        let _payment = paying.pay(&paid).await;
        let _confirmed = paying.wait_for(paid.reservation_id, "CONFIRMED").await;
        let held = holding.queue_and_hold(&sale, 2).await;

        system.arm(part, point);
        let cancelling = {
            let api = admin.api().clone();
            let path = format!("/events/{}/cancel", sale.event_id);
            let why = json!({"reason": "typhoon"});
            tokio::spawn(async move { insist(|| api.post(&path, &why)).await })
        };
        system.wait_for_death(part).await;
        system.restart(part).await;
        let _accepted = cancelling.await.unwrap().expect(202);
        sales.push((paying, paid, holding, held));
    }
    for (paying, paid, holding, held) in sales {
        for (buyer, id) in [(&paying, paid.reservation_id), (&holding, held.reservation_id)] {
            eventually("the booking is cancelled", Duration::from_secs(60), || async {
                let reply = insist(|| buyer.reservation(id)).await.expect(200);
                (reply["status"] == "CANCELLED").then_some(())
            })
            .await;
        }
        let _refunded = paying.wait_for_refund(paid.reservation_id).await;
    }
    system.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_an_event_dies_at_each_step_and_the_same_request_again_deletes_it() {
    let mut system = system(&[]).await;
    let admin = system.admin().await;
    for point in [POINTS[3], POINTS[4]] {
        let path = format!("/events/{}", admin.announce_sale().await.event_id);
        system.arm(Part::Event, point);
        let deleting = {
            let (api, path) = (admin.api().clone(), path.clone());
            tokio::spawn(async move { insist(|| api.delete(&path)).await.status.as_u16() })
        };
        system.wait_for_death(Part::Event).await;
        system.restart(Part::Event).await;
        // Asked again after the deletion, there is no such event any more.
        assert!([204, 404].contains(&deleting.await.unwrap()));
        assert_eq!(insist(|| admin.api().get(&path)).await.status, 404);
    }
    system.audit().await;
}
