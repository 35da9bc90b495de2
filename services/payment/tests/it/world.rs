//! One test's database, simulator and service.

use common::internal_auth::Service;
use outbox::Relay;
use payment_service::{Config, build};
use serde_json::Value;
use sqlx::{PgPool, Row, postgres::PgPoolOptions};
use std::time::Duration;
use test_support::{Api, Login, Running, TestEnv, eventually};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::portone::PortOne;

/// Long enough for a loaded machine.
pub(crate) const SOON: Duration = Duration::from_secs(60);

pub(crate) const AMOUNT: i64 = 300_000;

pub(crate) struct World {
    pub(crate) env: TestEnv,
    pub(crate) portone: PortOne,
    /// As the superuser: for looking at what the service wrote, and for rows that it finds.
    pub(crate) db: PgPool,
    pub(crate) service: Running,
    /// What the reservation service says goes through these; `None` without topics.
    reservation: Option<(PgPool, JoinSet<()>)>,
}

/// A payment that the service finds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given {
    pub(crate) id: Uuid,
    pub(crate) reservation: Uuid,
    pub(crate) user: Uuid,
    pub(crate) key: Uuid,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(TestEnv::new().await, &[]).await
    }

    /// With Kafka topics, which are dear: the broker keeps them.
    pub(crate) async fn with_topics() -> Self {
        let mut world = Self::with(TestEnv::new().await.with_topics().await, &[]).await;
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .connect(&world.env.database_url(Login::Reservation))
            .await
            .unwrap();
        let config = outbox::Config::from_env(&world.env.env(Some(Login::Reservation))).unwrap();
        let relay = Relay::new(pool.clone(), &config.kafka, &config.relay).unwrap();
        let mut relaying = JoinSet::new();
        relaying.spawn(relay.run(common::lifecycle::Shutdown::new()));
        world.reservation = Some((pool, relaying));
        world
    }

    pub(crate) async fn with(mut env: TestEnv, settings: &[(&str, &str)]) -> Self {
        let portone = PortOne::start().await;
        env.set("PORTONE_BASE_URL", format!("{}/portone", portone.url));
        // No answer is late on a busy machine; a test of late answers says what is late.
        env.set("PORTONE_TIMEOUT_SECONDS", "10");
        env.set("PAYMENT_WORKER_POLL_MS", "50");
        env.set("REFUND_BACKOFF_SECONDS", "0.1");
        for (variable, value) in settings {
            env.set(variable, value);
        }
        let db = PgPoolOptions::new()
            .max_connections(2)
            .connect(&env.superuser_url())
            .await
            .unwrap();
        let service = start(&env).await;
        Self {
            env,
            portone,
            db,
            service,
            reservation: None,
        }
    }

    /// The service as the gateway calls it for this user.
    pub(crate) fn as_user(&self, user: Uuid) -> Api {
        Api::as_gateway(&self.service.url()).as_user(user)
    }

    /// The service as the reservation service calls it.
    pub(crate) fn as_reservation(&self) -> Api {
        Api::as_service(&self.service.url(), Service::Reservation)
    }

    /// A PENDING payment whose confirm has not begun.
    pub(crate) async fn unconfirmed(&self) -> Given {
        let given = Given {
            id: Uuid::now_v7(),
            reservation: Uuid::now_v7(),
            user: Uuid::now_v7(),
            key: Uuid::now_v7(),
        };
        sqlx::query(
            "insert into payment_service.payment_sagas (reservation_id, user_id, payment_id) values ($1, $2, $3)",
        )
        .bind(given.reservation)
        .bind(given.user)
        .bind(given.id)
        .execute(&self.db)
        .await
        .unwrap();
        sqlx::query(
            r#"
                insert into payment_service.payments (
                    id, reservation_id, user_id, payment_key, payment_method, amount, concert_id, seat_ids,
                    reservation_version, grant_id, order_name, expires_at, registered_at
                )
                values ($1, $2, $3, $4, 'CARD', $5, $6, $7, 1, 'grant', 'A concert (2 seats)',
                    clock_timestamp() + interval '5 min', clock_timestamp())
            "#,
        )
        .bind(given.id)
        .bind(given.reservation)
        .bind(given.user)
        .bind(given.key)
        .bind(AMOUNT)
        .bind(Uuid::now_v7())
        .bind(vec![Uuid::now_v7(), Uuid::now_v7()])
        .execute(&self.db)
        .await
        .unwrap();
        given
    }

    /// A PENDING payment whose confirmer died between the lock and the outcome so many seconds ago. It is due for
    /// reconciliation only when [`World::due`] says so.
    pub(crate) async fn confirming(&self, seconds_ago: f64) -> Given {
        let given = self.unconfirmed().await;
        sqlx::query(
            r#"
                update payment_service.payments
                set confirm_started_at = clock_timestamp() - make_interval(secs => $2),
                    locked_at = clock_timestamp() - make_interval(secs => $2)
                where id = $1
            "#,
        )
        .bind(given.id)
        .bind(seconds_ago)
        .execute(&self.db)
        .await
        .unwrap();
        given
    }

    /// Time for the reconciler to look at the payment.
    pub(crate) async fn due(&self, payment: Given) {
        sqlx::query("update payment_service.payments set next_check_at = clock_timestamp() where id = $1")
            .bind(payment.id)
            .execute(&self.db)
            .await
            .unwrap();
    }

    /// A payment that was captured, by PortOne's books and by ours.
    pub(crate) async fn paid(&self) -> Given {
        let given = self.confirming(70.0).await;
        self.portone.charged(given.id, AMOUNT).await;
        self.due(given).await;
        self.until(given, "SUCCESS").await;
        given
    }

    pub(crate) async fn status(&self, payment: Given) -> (String, Option<String>) {
        let row = sqlx::query("select status, failure_reason from payment_service.payments where id = $1")
            .bind(payment.id)
            .fetch_one(&self.db)
            .await
            .unwrap();
        (row.get(0), row.get(1))
    }

    /// Waits for a status and returns the failure's reason.
    pub(crate) async fn until(&self, payment: Given, status: &str) -> Option<String> {
        eventually(&format!("payment is {status}"), SOON, || async {
            let (now, reason) = self.status(payment).await;
            (now == status).then_some(reason)
        })
        .await
    }

    /// The payment as its owner sees it.
    pub(crate) async fn shown(&self, payment: Given) -> Value {
        let path = format!("/payments/{}", payment.id);
        self.as_user(payment.user).get(&path).await.expect(200)
    }

    pub(crate) async fn saga(&self, payment: Given) -> String {
        sqlx::query_scalar("select step from payment_service.payment_sagas where reservation_id = $1")
            .bind(payment.reservation)
            .fetch_one(&self.db)
            .await
            .unwrap()
    }

    /// Types and payloads of the messages about the payment, in their order.
    pub(crate) async fn messages(&self, payment: Given) -> Vec<(String, Value)> {
        sqlx::query_as(
            "select event_type, payload -> 'payload' from common.outbox_events where aggregate_id = $1 order by seq",
        )
        .bind(payment.id)
        .fetch_all(&self.db)
        .await
        .unwrap()
    }

    /// Types of these messages.
    pub(crate) async fn said(&self, payment: Given) -> Vec<String> {
        self.messages(payment).await.into_iter().map(|(kind, _)| kind).collect()
    }

    pub(crate) async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.db).await.unwrap()
    }

    pub(crate) async fn run(&self, statement: &'static str, id: Uuid) {
        sqlx::query(statement).bind(id).execute(&self.db).await.unwrap();
    }

    /// Says something as the reservation service.
    pub(crate) async fn reservation_says<M: messages::Message>(&self, message: &M) {
        let (pool, _) = self.reservation.as_ref().unwrap();
        let mut transaction = pool.begin().await.unwrap();
        outbox::enqueue(&mut transaction, message).await.unwrap();
        transaction.commit().await.unwrap();
    }

    /// Another replica of the service.
    pub(crate) async fn replica(&self) -> Running {
        start(&self.env).await
    }
}

async fn start(env: &TestEnv) -> Running {
    let config = Config::from_env(&env.env(Some(Login::Payment))).unwrap();
    Running::start(build(config).await.unwrap())
}
