//! After a loss of Redis, a tab that has no ticket asks before the one that has it.

use crate::{helpers::World, loss::forget_everything};
use serde_json::json;

#[tokio::test]
async fn a_poll_without_the_ticket_costs_nobody_the_place_that_the_ticket_proves() {
    let world = World::with(&[("QUEUE_RECOVERY_PAUSE_SECONDS", "600")]).await;
    let event = world.neighbours.event();
    world.set(event, json!({"paused": true})).await;
    let (forgetful, leaver, other) = (world.buyer(), world.buyer(), world.buyer());
    let before = forgetful.enter(event).await;
    let ticketed = forgetful.with_ticket(&before);
    let gone = leaver.with_ticket(&leaver.enter(event).await);
    let behind = other.with_ticket(&other.enter(event).await);
    forget_everything(&world).await;
    // Another tab of theirs, which has no ticket, is the first to ask.
    forgetful.status_of(event).await;
    leaver.status_of(event).await;
    behind.status_of(event).await;
    assert_eq!(
        forgetful.status_of(event).await["position"],
        2,
        "behind the one with a ticket"
    );
    let after = ticketed.status_of(event).await;
    assert_eq!(
        (&after["position"], &after["enteredAt"]),
        (&json!(1), &before["enteredAt"])
    );
    assert_eq!(
        forgetful.status_of(event).await["position"],
        1,
        "the same place in each tab"
    );
    assert_eq!(behind.status_of(event).await["position"], 2);
    // Who gives up the place at the end has none that the ticket could change for an older one.
    leaver.leave().await;
    leaver.enter(event).await;
    assert_eq!(gone.status_of(event).await["position"], 3);
    assert_eq!(world.stats(event).await["waiting"], 3);
}

#[tokio::test]
async fn a_poll_without_the_ticket_costs_nobody_the_admission_that_the_ticket_proves() {
    let world = World::with(&[("QUEUE_RECOVERY_PAUSE_SECONDS", "600")]).await;
    let (event, buyer) = (world.neighbours.event(), world.buyer());
    buyer.enter(event).await;
    let admitted = buyer.admitted().await;
    forget_everything(&world).await;
    assert_eq!(buyer.status_of(event).await["status"], "WAITING");
    let restored = buyer.with_ticket(&admitted).status_of(event).await;
    assert_eq!(restored["queueToken"], admitted["queueToken"]);
    let stats = world.stats(event).await;
    assert_eq!((&stats["waiting"], &stats["active"]), (&json!(0), &json!(1)));
}
