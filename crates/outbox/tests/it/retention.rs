//! Old rows go, young and unpublished ones stay.

use common::lifecycle::Shutdown;
use outbox::Retention;
use test_support::eventually;

use crate::bench::{Bench, Running, SOON};

#[tokio::test]
async fn only_old_and_published_rows_are_deleted() {
    let bench = Bench::new().await;
    let shutdown = Shutdown::new();
    sqlx::raw_sql(
        "
        insert into common.outbox_events
            (id, producer, aggregate_type, aggregate_id, event_type, topic, message_key, payload, published, published_at)
        select uuidv7(-age), 'payment_svc_user', 'Payment', uuidv7(), case when kept then 'kept' else 'old' end,
            'payment.events', 'key', '{}', sent, case when sent then clock_timestamp() - age end
        from (values
            (interval '8 days', true, false), (interval '8 days', false, true), (interval '6 days', true, true)
        ) as row (age, sent, kept), generate_series(1, 1500);

        insert into payment_service.processed_events (event_id, consumer, processed_at)
        select uuidv7(-age), consumer, clock_timestamp() - handled
        from (values
            ('old', interval '31 days', interval '31 days'),
            ('replayed late', interval '31 days', interval '1 day'),
            ('young', interval '29 days', interval '29 days')
        ) as row (consumer, age, handled);
        ",
    )
    .execute(&bench.admin)
    .await
    .unwrap();

    let retention = Retention::new(bench.producer.clone(), &bench.config.retention);
    let running = Running::start(retention.run(shutdown.clone()));
    let left = eventually("the old rows to go", SOON, async || {
        let left: (i64, i64, Vec<String>) = sqlx::query_as(
            "select count(*) filter (where event_type = 'old'), count(*) filter (where event_type = 'kept'),
                (select array_agg(consumer order by consumer) from payment_service.processed_events)
             from common.outbox_events",
        )
        .fetch_one(&bench.admin)
        .await
        .unwrap();
        (left.0 == 0 && left.2.len() < 3).then_some(left)
    })
    .await;
    assert_eq!(left, (0, 3000, vec!["replayed late".to_owned(), "young".to_owned()]));
    shutdown.cancel();
    running.end().await;
}
