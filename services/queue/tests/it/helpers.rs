use crate::neighbours::Neighbours;
use common::internal_auth::Service;
use queue_service::{Config, build};
use serde_json::{Value, json};
use std::time::Duration;
use test_support::{Api, Login, Reply, Running, TestEnv, connect_redis, eventually};
use uuid::Uuid;

/// Long enough for a busy machine, and over as soon as what is waited for comes.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// One or more queue services with neighbours, a database and a Redis database of their own.
pub(crate) struct World {
    /// Stopped before the database is dropped, which is what the order of these fields says.
    pub(crate) replicas: Vec<Running>,
    pub(crate) neighbours: Neighbours,
    pub(crate) env: TestEnv,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        Self::start(TestEnv::new().await, settings, 1).await
    }

    pub(crate) async fn start(env: TestEnv, settings: &[(&str, &str)], replicas: usize) -> Self {
        // What is counted before the recorder is there is lost.
        common::telemetry::metrics();
        let neighbours = Neighbours::start().await;
        let mut env = env
            .with("EVENT_SERVICE_URL", neighbours.url())
            .with("RESERVATION_SERVICE_URL", neighbours.url())
            .with("ADMISSION_TICK_MILLIS", 50)
            .with("AVAILABILITY_CACHE_SECONDS", "0.05")
            .with("EVENT_FACTS_CACHE_SECONDS", "0.05")
            .with("EVENT_SETTINGS_CACHE_SECONDS", "0.05");
        for (variable, value) in settings {
            env.set(variable, value);
        }
        let mut world = Self {
            replicas: Vec::new(),
            neighbours,
            env,
        };
        for _ in 0..replicas {
            let config = Config::from_env(&world.env.env(Some(Login::Queue))).unwrap();
            world.replicas.push(Running::start(build(config).await.unwrap()));
        }
        world
    }

    pub(crate) fn gateway(&self) -> Api {
        Api::as_gateway(&self.replicas[0].url())
    }

    pub(crate) fn service(&self, service: Service) -> Api {
        Api::as_service(&self.replicas[0].url(), service)
    }

    pub(crate) fn admin(&self) -> Api {
        self.gateway().as_admin(Uuid::now_v7())
    }

    pub(crate) fn buyer(&self) -> Buyer {
        self.buyer_at(0)
    }

    pub(crate) fn buyer_at(&self, replica: usize) -> Buyer {
        let id = Uuid::now_v7();
        Buyer {
            id,
            api: Api::as_gateway(&self.replicas[replica].url()).as_user(id),
        }
    }

    pub(crate) async fn redis(&self) -> redis::aio::MultiplexedConnection {
        connect_redis(self.env.redis_url()).await
    }

    pub(crate) async fn stats(&self, event: Uuid) -> Value {
        self.admin()
            .get(&format!("/queue/admin/stats?eventId={event}"))
            .await
            .expect(200)
    }

    pub(crate) async fn set(&self, event: Uuid, change: Value) -> Value {
        self.admin()
            .put(&format!("/queue/admin/events/{event}"), &change)
            .await
            .expect(200)
    }

    /// Asks the service whether a reservation token is good.
    pub(crate) async fn is_valid(&self, token: &str, user: Uuid, event: Uuid) -> Value {
        let question = json!({"token": token, "type": "RESERVATION", "userId": user, "eventId": event});
        self.service(Service::Reservation)
            .post("/internal/queue/tokens/validate", &question)
            .await
            .expect(200)
    }
}

/// Somebody who queues.
#[derive(Clone)]
pub(crate) struct Buyer {
    pub(crate) id: Uuid,
    pub(crate) api: Api,
}

impl Buyer {
    pub(crate) async fn try_enter(&self, event: Uuid) -> Reply {
        self.api.post("/queue/enter", &json!({"eventId": event})).await
    }

    pub(crate) async fn enter(&self, event: Uuid) -> Value {
        self.try_enter(event).await.expect(200)
    }

    pub(crate) async fn status(&self) -> Reply {
        self.api.get("/queue/status").await
    }

    pub(crate) async fn leave(&self) {
        let _nothing = self.api.delete("/queue/leave").await.expect(204);
    }

    /// Polls until admitted.
    pub(crate) async fn admitted(&self) -> Value {
        eventually("an admission", SOON, || async {
            let status = self.status().await.expect(200);
            (status["status"] == "ADMITTED").then_some(status)
        })
        .await
    }

    /// Polls until the line does not know the buyer any more; returns the reason.
    pub(crate) async fn gone(&self, event: Uuid) -> Value {
        eventually("the end of a place", SOON, || async {
            let reply = self.api.get(&format!("/queue/status?eventId={event}")).await;
            (reply.status == 404).then(|| reply.expect_problem(404, "NOT_QUEUED")["reason"].clone())
        })
        .await
    }
}

pub(crate) fn text(value: &Value, field: &str) -> String {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field} is no text in {value}"))
        .to_owned()
}
