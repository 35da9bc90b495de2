//! The whole system on one screen: what is well, and what needs somebody.

use axum::{Json, Router, http::StatusCode, routing::get};
use serde_json::{Value, json};
use test_support::TestEnv;
use tokio::net::TcpListener;

use crate::command::{superuser, ticketctl};

const VARIABLES: [&str; 6] = [
    "GATEWAY_URL",
    "USER_SERVICE_URL",
    "EVENT_SERVICE_URL",
    "QUEUE_SERVICE_URL",
    "RESERVATION_SERVICE_URL",
    "PAYMENT_SERVICE_URL",
];

/// Something that says of itself what a program says.
#[expect(clippy::disallowed_methods, reason = "it ends with its test")]
async fn program(redis: &'static str, metrics: &'static str) -> String {
    let (status, state) = if redis == "UP" {
        (StatusCode::OK, "UP")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "DOWN")
    };
    let readiness = json!({ "status": state, "checks": { "postgresql": "UP", "redis": redis } });
    let router = Router::new()
        .route("/health/ready", get(move || async move { (status, Json(readiness)) }))
        .route("/metrics", get(move || async move { metrics }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, router).into_future());
    url
}

const NUMBERS: &str = "\
# TYPE queue_waiting gauge
queue_waiting{event=\"019ab000-0000-7000-8000-000000000001\"} 4711
queue_active{event=\"019ab000-0000-7000-8000-000000000001\"} 12
consumer_lag{group=\"event-payment-consumer\",partition=\"0\"} 2
consumer_lag{group=\"event-payment-consumer\",partition=\"1\"} 3
circuit_breaker_state{name=\"portone\"} 0
";

#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_is_well_says_so() {
    let mut env = TestEnv::new().await.with_topics().await;
    for variable in VARIABLES {
        env = env.with(variable, &program("UP", NUMBERS).await);
    }
    let ran = ticketctl(&env, &["status"]).await;
    assert!(ran.success, "{ran:?}");
    for text in [
        "4711 waiting,    12 shopping",
        "event-payment-consumer: 30 not handled",
        "All is well.",
    ] {
        assert!(ran.stdout.contains(text), "{text} is not in {}", ran.stdout);
    }

    let json: Value = serde_json::from_str(&ticketctl(&env, &["status", "--json"]).await.ok()).unwrap();
    assert_eq!(json["trouble"], json!([]));
    assert_eq!(json["openDeadLetters"], 0);
    assert_eq!(json["programs"].as_array().unwrap().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_somebody_is_named_and_fails_the_command() {
    let mut env = TestEnv::new().await.with_topics().await;
    for variable in VARIABLES {
        env = env.with(variable, &program("UP", "").await);
    }
    let env = env
        .with("USER_SERVICE_URL", &program("DOWN", "").await)
        .with("EVENT_SERVICE_URL", "http://127.0.0.1:1")
        .with(
            "PAYMENT_SERVICE_URL",
            &program("UP", "circuit_breaker_state{name=\"portone\"} 2\n").await,
        );
    sqlx::query(
        "insert into common.outbox_events
            (id, producer, aggregate_type, aggregate_id, event_type, topic, message_key, payload, parked_at, created_at)
         values (uuidv7(), 'payment_svc_user', 'Payment', uuidv7(), 'PaymentSuccess', 'payment.events', 'a', '{}',
            clock_timestamp(), clock_timestamp() - interval '3 minutes')",
    )
    .execute(&superuser(&env).await)
    .await
    .unwrap();

    let ran = ticketctl(&env, &["status"]).await;
    assert!(!ran.success, "{ran:?}");
    for text in [
        "user is not ready: redis DOWN",
        "event is not ready: nobody listens",
        "payment calls portone with a breaker that is open",
        "1 messages are parked",
        "a message of payment_svc_user has waited 1",
    ] {
        assert!(ran.stdout.contains(text), "{text} is not in {}", ran.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_hides_nothing_else() {
    let mut env = TestEnv::new().await.with_topics().await;
    for variable in VARIABLES {
        env = env.with(variable, &program("UP", NUMBERS).await);
    }
    let away = "postgres://postgres:postgres@127.0.0.1:1/ticketing";
    let ran = ticketctl(&env, &["status", "--database-url", away]).await;
    assert!(!ran.success, "{ran:?}");
    for text in ["4711 waiting", "the database: cannot connect"] {
        assert!(ran.stdout.contains(text), "{text} is not in {}", ran.stdout);
    }
}

#[tokio::test]
async fn shells_can_complete_commands() {
    let env = TestEnv::new().await;
    for shell in ["bash", "zsh", "fish"] {
        let script = ticketctl(&env, &["completion", shell]).await.ok();
        assert!(script.contains("dlq") && script.contains("completion"), "{shell}");
    }
}
