use crate::{generous, house::House};
use common::{
    config::Env,
    lifecycle::{Application, Shutdown},
};
use http::Method;
use serde_json::Value;
use simulators::SimulatorConfig;
use sqlx::{PgPool, postgres::PgPoolOptions};
use std::{collections::HashMap, time::Duration};
use system_tests::{Admin, Sale};
use test_support::{Api, Login, Running, TestEnv, connect_redis, eventually, free_port};
use tokio::{net::TcpListener, task::JoinSet};
use uuid::Uuid;

/// A service in this process. Those that decide about seats and money run twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Event,
    Queue,
    Reservation,
    SecondReservation,
    Payment,
    SecondPayment,
    /// Only PortOne's webhooks come through it: buyers are signed in by the tests.
    Gateway,
}

impl Part {
    /// What a sale without payments needs.
    pub(crate) const SELLING: [Self; 4] = [Self::Event, Self::Queue, Self::Reservation, Self::SecondReservation];
    pub(crate) const ALL: [Self; 7] = [
        Self::Event,
        Self::Queue,
        Self::Reservation,
        Self::SecondReservation,
        Self::Payment,
        Self::SecondPayment,
        Self::Gateway,
    ];

    const fn login(self) -> Option<Login> {
        match self {
            Self::Event => Some(Login::Event),
            Self::Queue => Some(Login::Queue),
            Self::Reservation | Self::SecondReservation => Some(Login::Reservation),
            Self::Payment | Self::SecondPayment => Some(Login::Payment),
            Self::Gateway => None,
        }
    }

    /// By which the others find it; nobody but buyers goes to second replicas.
    const fn url_variable(self) -> Option<&'static str> {
        match self {
            Self::Event => Some("EVENT_SERVICE_URL"),
            Self::Queue => Some("QUEUE_SERVICE_URL"),
            Self::Reservation => Some("RESERVATION_SERVICE_URL"),
            Self::Payment => Some("PAYMENT_SERVICE_URL"),
            Self::SecondReservation | Self::SecondPayment | Self::Gateway => None,
        }
    }

    pub(crate) async fn build(self, env: &Env) -> anyhow::Result<Application> {
        match self {
            Self::Event => event_service::build(event_service::Config::from_env(env)?).await,
            Self::Queue => queue_service::build(queue_service::Config::from_env(env)?).await,
            Self::Reservation | Self::SecondReservation => {
                reservation_service::build(reservation_service::Config::from_env(env)?).await
            }
            Self::Payment | Self::SecondPayment => {
                payment_service::build(payment_service::Config::from_env(env)?).await
            }
            Self::Gateway => gateway::build(gateway::Config::from_env(env)?).await,
        }
    }
}

/// Services, PortOne's simulator and the infrastructure they share. The fields are in the order in which they end.
pub(crate) struct Town {
    houses: HashMap<Part, House>,
    ports: HashMap<Part, u16>,
    generous: Running,
    portone: String,
    close_portone: Shutdown,
    simulator: JoinSet<anyhow::Result<()>>,
    /// As the superuser sees it.
    pub(crate) db: PgPool,
    pub(crate) env: TestEnv,
}

impl Town {
    /// Opens these parts with these settings on top of quick admission.
    pub(crate) async fn open(parts: &[Part], settings: &[(&str, &str)]) -> Self {
        log();
        let mut env = TestEnv::new().await.with_topics().await;
        let ports: HashMap<Part, u16> = Part::ALL.into_iter().map(|part| (part, free_port())).collect();
        let url = |part: Part| format!("http://127.0.0.1:{}", ports[&part]);
        for part in Part::ALL {
            if let Some(variable) = part.url_variable() {
                env.set(variable, url(part));
            }
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let portone = format!("http://{}", listener.local_addr().unwrap());
        env.set("PORTONE_BASE_URL", format!("{portone}/portone"));
        let quick = [
            ("ADMISSION_PER_SECOND", "10000"),
            ("ADMISSION_BATCH", "2000"),
            ("ADMISSION_TICK_MILLIS", "100"),
            ("QUEUE_POLL_MIN_SECONDS", "0"),
            ("RATE_LIMIT_PROFILE", "loadtest"),
        ];
        for (variable, value) in quick.iter().chain(settings) {
            env.set(variable, value);
        }
        let config = SimulatorConfig {
            portone_webhook_url: format!("{}/payments/webhook/portone", url(Part::Gateway)),
            portone_webhook_retry_unit: Duration::from_millis(200),
            ..SimulatorConfig::default()
        };
        let close_portone = Shutdown::new();
        let closing = close_portone.clone();
        let mut simulator = JoinSet::new();
        simulator.spawn(simulators::serve(
            listener,
            config,
            async move { closing.cancelled().await },
        ));
        let db = PgPoolOptions::new()
            .max_connections(4)
            .connect(&env.superuser_url())
            .await
            .unwrap();
        let mut town = Self {
            houses: HashMap::new(),
            ports,
            generous: generous::start().await,
            portone,
            close_portone,
            simulator,
            db,
            env,
        };
        for part in parts {
            town.launch(*part).await;
        }
        town
    }

    /// Ends everything gracefully, so that nothing is left to say on a closed database.
    pub(crate) async fn close(mut self) {
        let mut ending = JoinSet::new();
        for (_, house) in self.houses.drain() {
            ending.spawn(house.close());
        }
        while let Some(ended) = ending.join_next().await {
            ended.unwrap();
        }
        self.close_portone.cancel();
        while self.simulator.join_next().await.is_some() {}
        self.db.close().await;
    }

    /// Starts a part at its port, which a predecessor may be about to leave.
    pub(crate) async fn launch(&mut self, part: Part) {
        let mut pairs = self.env.pairs(part.login());
        pairs.insert("PORT".to_owned(), self.ports[&part].to_string());
        if part == Part::Queue {
            pairs.insert("RESERVATION_SERVICE_URL".to_owned(), self.generous.url());
        }
        let env = Env::from_pairs(pairs).unwrap();
        let house = eventually("the port is free", Duration::from_secs(60), || async {
            House::open(part, env.clone()).await.ok()
        })
        .await;
        let before = self.houses.insert(part, house);
        assert!(before.is_none(), "{part:?} ran already");
        let outside = Api::new(&format!("http://127.0.0.1:{}", self.ports[&part]));
        eventually("it is ready", Duration::from_secs(90), || async {
            let reply = outside.try_send(Method::GET, "/health/ready", None).await.ok()?;
            reply.status.is_success().then_some(())
        })
        .await;
    }

    /// SIGTERM: what is under way is finished.
    pub(crate) async fn stop(&mut self, part: Part) {
        self.houses.remove(&part).unwrap().close().await;
    }

    /// As SIGKILL as it gets in one process: every task is dropped at its next await, transactions are rolled back by the
    /// database, and nobody leaves a consumer group or gives a lease back in good order.
    pub(crate) fn kill(&mut self, part: Part) {
        drop(self.houses.remove(&part).unwrap());
    }

    /// A part, called as the gateway calls it.
    pub(crate) fn at(&self, part: Part) -> Api {
        Api::as_gateway(&format!("http://127.0.0.1:{}", self.ports[&part]))
    }

    /// The address of the gateway, for whoever has no credential.
    pub(crate) fn gateway(&self) -> Api {
        Api::new(&format!("http://127.0.0.1:{}", self.ports[&Part::Gateway]))
    }

    /// The simulator's control side.
    pub(crate) fn control(&self) -> Api {
        Api::new(&self.portone)
    }

    pub(crate) fn portone_url(&self) -> &str {
        &self.portone
    }

    /// Puts a concert on sale; gives it and its seats.
    pub(crate) async fn concert(&self, rows: usize, seats_per_row: usize) -> (Sale, Vec<Uuid>) {
        let admin = Admin::new(self.at(Part::Event).as_admin(Uuid::now_v7()));
        let sale = admin.open_sale(rows, seats_per_row).await;
        let path = format!("/reservations/seats/{}", sale.event_id);
        let map = self.at(Part::Reservation).as_user(Uuid::now_v7()).get(&path).await;
        let map = map.expect(200);
        let seats = map["seats"].as_array().unwrap().iter();
        let seats: Vec<Uuid> = seats.map(|seat| id(&seat["id"])).collect();
        assert_eq!(seats.len(), rows * seats_per_row);
        (sale, seats)
    }

    /// Redis forgets every hold.
    pub(crate) async fn lose_holds(&self) {
        let (mut redis, keys) = self.hold_keys().await;
        if !keys.is_empty() {
            let _deleted: i64 = redis::cmd("DEL").arg(keys).query_async(&mut redis).await.unwrap();
        }
    }

    /// How many seats Redis keeps from others.
    pub(crate) async fn holds_in_redis(&self) -> usize {
        let (_, keys) = self.hold_keys().await;
        keys.iter().filter(|key| key.starts_with("seat:hold:")).count()
    }

    async fn hold_keys(&self) -> (redis::aio::MultiplexedConnection, Vec<String>) {
        let mut redis = connect_redis(self.env.redis_url()).await;
        let keys = redis::cmd("KEYS")
            .arg("seat:hold*")
            .query_async(&mut redis)
            .await
            .unwrap();
        (redis, keys)
    }

    pub(crate) async fn count(&self, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement).fetch_one(&self.db).await.unwrap()
    }
}

/// The services' log, if `LOG_LEVEL` asks for it; a test is silent otherwise.
fn log() {
    let env = Env::from_process().unwrap();
    if env.optional("LOG_LEVEL").is_some() {
        // Only the first of several towns can.
        let _logging_already = common::telemetry::init(&env);
    }
}

#[track_caller]
pub(crate) fn id(value: &Value) -> Uuid {
    let text = value.as_str().unwrap_or_else(|| panic!("no id: {value}"));
    text.parse().unwrap()
}
