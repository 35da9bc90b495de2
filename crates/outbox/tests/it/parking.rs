//! A row that can never be sent holds back its own key and nothing else.

use common::lifecycle::Shutdown;
use messages::Topic;
use test_support::eventually;
use uuid::Uuid;

use crate::bench::{Bench, Running, SOON};

#[tokio::test]
async fn a_row_that_is_too_large_is_parked_with_its_key_while_others_flow() {
    let bench = Bench::new().await;
    let relay = bench.relay();
    let outbox = relay.outbox();
    let _relay = Running::start(relay.run(Shutdown::new()));
    let blocked = Uuid::now_v7();
    let other = Uuid::now_v7();
    bench.pay(&outbox, blocked, "before").await;
    let large = bench.pay(&outbox, blocked, &"x".repeat(2_000_000)).await;
    bench.pay(&outbox, blocked, "behind").await;
    bench.pay(&outbox, other, "").await;

    let (retries, error): (i32, String) = eventually("the row to be parked", SOON, async || {
        sqlx::query_as(
            "select retry_count, last_error from common.outbox_events where id = $1 and parked_at is not null",
        )
        .bind(large)
        .fetch_optional(&bench.admin)
        .await
        .unwrap()
    })
    .await;
    assert_eq!(retries, 3);
    assert!(error.contains("MessageSizeTooLarge"), "{error}");
    eventually("only the blocked key's rows left", SOON, async || {
        (bench.unpublished().await == 2).then_some(())
    })
    .await;
    bench.pay(&outbox, other, "").await;
    bench.pay(&outbox, blocked, "behind").await;
    eventually("the other key's row sent", SOON, async || {
        (bench.unpublished().await == 3).then_some(())
    })
    .await;
    assert_eq!(bench.topic(Topic::PaymentEvents, 3).await.len(), 3);

    // What `ticketctl outbox skip` does.
    sqlx::query("update common.outbox_events set published = true, published_at = clock_timestamp() where id = $1")
        .bind(large)
        .execute(&bench.admin)
        .await
        .unwrap();
    bench.wait_until_all_is_published().await;
    assert_eq!(bench.topic(Topic::PaymentEvents, 5).await.len(), 5);
}
