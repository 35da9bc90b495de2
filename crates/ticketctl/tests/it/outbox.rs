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

#[tokio::test]
async fn messages_that_a_group_lacks_are_sent_again_and_no_others() {
    let env = TestEnv::new().await;
    let database = superuser(&env).await;
    // Handled by both groups, by one, by none; given up by an operator; just sent; without a group.
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "insert into common.outbox_events
            (id, producer, aggregate_type, aggregate_id, event_type, topic, message_key, payload, published, published_at, parked_at)
         select uuidv7(), producer, 'Any', uuidv7(), type, topic, key, '{}', true, now() - make_interval(mins => minutes),
            case when key = 'given up' then now() end
         from (values
            ('payment_svc_user', 'PaymentSuccess', 'payment.events', 'both', 10),
            ('payment_svc_user', 'PaymentSuccess', 'payment.events', 'one', 10),
            ('payment_svc_user', 'PaymentSuccess', 'payment.events', 'none', 10),
            ('payment_svc_user', 'PaymentSuccess', 'payment.events', 'given up', 10),
            ('payment_svc_user', 'PaymentSuccess', 'payment.events', 'young', 0),
            ('event_svc_user', 'SeatSold', 'seat.events', 'for audits', 10)
         ) as row (producer, type, topic, key, minutes)
         returning id",
    )
    .fetch_all(&database)
    .await
    .unwrap();
    sqlx::query(
        "insert into event_service.processed_events (event_id, consumer)
            select id, 'event-payment-consumer' from unnest($1::uuid[]) as id",
    )
    .bind(&ids[..2])
    .execute(&database)
    .await
    .unwrap();
    sqlx::query("insert into reservation_service.processed_events (event_id, consumer) values ($1, 'reservation-payment-consumer')")
        .bind(ids[0])
        .execute(&database)
        .await
        .unwrap();
    let unsent = async || -> Vec<String> {
        sqlx::query_scalar("select message_key from common.outbox_events where not published order by seq")
            .fetch_all(&database)
            .await
            .unwrap()
    };

    let tried = ticketctl(&env, &["outbox", "republish", "--dry-run"]).await.ok();
    assert!(
        tried.contains("of key one") && tried.contains("2 messages would be sent again"),
        "{tried}"
    );
    assert!(unsent().await.is_empty());
    let sent = ticketctl(&env, &["outbox", "republish"]).await.ok();
    assert!(sent.contains("2 messages will be sent again"), "{sent}");
    assert_eq!(unsent().await, ["one", "none"]);

    // After the loss of Kafka for those who keep no inbox.
    ticketctl(
        &env,
        &[
            "outbox",
            "republish",
            "--since",
            "2020-01-01T00:00:00Z",
            "--grace-seconds",
            "0",
        ],
    )
    .await
    .ok();
    assert_eq!(unsent().await, ["both", "one", "none", "young", "for audits"]);
}
