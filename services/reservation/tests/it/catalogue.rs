//! The event service fails while there is a copy of the event that is merely old.

use crate::helpers::{App, SOON};
use test_support::{TestEnv, eventually};
use tokio::task::JoinSet;

/// With a copy that is old at once.
async fn app_with_an_old_copy() -> App {
    let app = App::start_in(TestEnv::new().await.with("CATALOGUE_TTL_SECONDS", 0)).await;
    assert_eq!(app.seats("AVAILABLE").await.len(), 12);
    app
}

#[tokio::test]
async fn a_failure_to_load_is_shared_by_the_requests_of_the_next_seconds() {
    let app = app_with_an_old_copy().await;
    app.neighbours.known().catalogue_down = true;
    assert_eq!(app.seats("AVAILABLE").await.len(), 12);
    let asked = app.neighbours.known().catalogue_reads;
    let _held = app.buyer().hold(&[1]).await;
    assert_eq!(app.seats("HOLD").await, [1]);
    assert_eq!(app.neighbours.known().catalogue_reads, asked);
}

#[tokio::test]
async fn while_one_request_waits_for_a_hanging_event_service_the_others_are_served() {
    let app = app_with_an_old_copy().await;
    let asked = {
        let mut known = app.neighbours.known();
        known.catalogue_hangs = true;
        known.catalogue_reads
    };
    let (first, path) = (app.buyer(), format!("/reservations/seats/{}", app.event_id));
    let mut waiting = JoinSet::new();
    waiting.spawn(async move { first.api.get(&path).await.expect(200) });
    eventually("one request waits", SOON, async || {
        (app.neighbours.known().catalogue_reads > asked).then_some(())
    })
    .await;
    let _held = app.buyer().hold(&[1]).await;
    assert_eq!(app.seats("HOLD").await, [1]);
    assert!(
        waiting.try_join_next().is_none(),
        "the others did not wait for the first"
    );
    // Only the first one asked, and once more at most.
    let more = app.neighbours.known().catalogue_reads - asked;
    assert!(more <= 2, "{more}");
}
