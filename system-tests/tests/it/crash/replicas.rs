//! Two processes of every service, sharing everything: relays, workers and consumers do the work once, and when some of
//! them die in the middle, the others take over (§7, §10).

use super::{
    End, Journey,
    shopper::{Heir, Shopper},
    system,
};
use std::sync::Arc;
use system_tests::{Cell, Part};
use tokio::{sync::Mutex, task::JoinSet};

#[tokio::test(flavor = "multi_thread")]
async fn two_of_every_service_share_the_work_while_some_die() {
    let mut system = system(&[]).await;
    let mut cell = Cell::beside(&system, 2).await;
    let sale = system.admin().await.open_sale(4, 20).await;
    let heir = Arc::new(Mutex::new(Heir::of(&system, &sale).await));
    let mut seats = heir.lock().await.free_seats(64).await;

    // A payment that loses its process between the lock and the charge fails, and takes the hold with it (design.md §8.3).
    let journeys: [(Journey, &[End]); 5] = [
        (Journey::Pay, &[End::Confirmed, End::Free]),
        (Journey::PayAndCancel, &[End::Refunded, End::Free]),
        (Journey::HoldAndRelease, &[End::Free]),
        (Journey::Declined, &[End::Free]),
        (Journey::PayAndRefundByHand, &[End::Refunded, End::Free]),
    ];
    let mut shoppers = Vec::new();
    for number in 0..15 {
        let wanted = seats.split_off(seats.len() - 4);
        let shopper = Shopper::of(&system, &sale, wanted, Arc::clone(&heir)).await;
        // Every other one has come through the other gateway, to other services.
        let shopper = if number % 2 == 0 {
            shopper
        } else {
            shopper.through(&cell.gateway())
        };
        shoppers.push((shopper, journeys[number % journeys.len()]));
    }
    let mut walking = JoinSet::new();
    for (shopper, (journey, ends)) in shoppers {
        walking.spawn(async move {
            let end = shopper.walk(journey).await;
            assert!(ends.contains(&end), "{journey:?} ended {end:?}");
        });
    }
    // Both halves lose a member of the consumer groups while the buyers are on their way.
    cell.kill(Part::Reservation).await;
    cell.restart(Part::Reservation).await;
    system.kill(Part::Payment).await;
    system.restart(Part::Payment).await;
    cell.kill(Part::Event).await;
    cell.restart(Part::Event).await;
    while let Some(walked) = walking.join_next().await {
        walked.unwrap();
    }
    system.audit().await;
}
