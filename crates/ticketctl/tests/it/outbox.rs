//! Parked messages are listed, tried again and given up.

use test_support::TestEnv;
use uuid::Uuid;

use crate::command::{superuser, ticketctl};

#[tokio::test]
async fn parked_messages_are_retried_or_skipped_and_others_left_alone() {
    let env = TestEnv::new().await;
    let database = superuser(&env).await;
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "insert into common.outbox_events
            (id, producer, aggregate_type, aggregate_id, event_type, topic, message_key, payload, retry_count, parked_at, last_error)
         select uuidv7(), 'payment_svc_user', 'Payment', uuidv7(), 'PaymentSuccess', 'payment.events', key, '{}',
            case when parked then 3 else 0 end, case when parked then clock_timestamp() end, case when parked then 'too large' end
         from unnest(array['a', 'a', 'b'], array[true, false, true]) as row (key, parked)
         returning id",
    )
    .fetch_all(&database)
    .await
    .unwrap();
    let (first, waiting, second) = (ids[0].to_string(), ids[1].to_string(), ids[2].to_string());

    let list = ticketctl(&env, &["outbox", "list"]).await.ok();
    assert!(list.contains("payment_svc_user: 3 waiting, 2 of them parked"), "{list}");
    assert!(
        list.contains(&format!("{first} PaymentSuccess to payment.events of key a, parked")),
        "{list}"
    );
    assert!(list.contains("holds back 1: too large"), "{list}");

    let json = ticketctl(&env, &["outbox", "list", "--json"]).await.ok();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["producers"][0]["waiting"], &json["parked"][0]["behind"]),
        (&3.into(), &1.into())
    );

    ticketctl(&env, &["outbox", "retry", &first]).await.ok();
    ticketctl(&env, &["outbox", "skip", &second]).await.ok();
    for command in ["retry", "skip"] {
        let refused = ticketctl(&env, &["outbox", command, &waiting]).await;
        assert!(!refused.success && refused.stderr.contains("not parked"), "{refused:?}");
    }
    let states: Vec<(bool, bool, i32)> =
        sqlx::query_as("select published, parked_at is not null, retry_count from common.outbox_events order by seq")
            .fetch_all(&database)
            .await
            .unwrap();
    assert_eq!(states, [(false, false, 0), (false, false, 0), (true, true, 3)]);
}
