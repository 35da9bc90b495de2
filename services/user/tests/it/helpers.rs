use chrono::TimeDelta;
use common::Clock;
use serde_json::{Value, json};
use simulators::{SimulatorConfig, serve};
use sqlx::{PgPool, postgres::PgPoolOptions};
use std::sync::atomic::{AtomicU32, Ordering};
use test_support::{Api, Login, Reply, Running, TestEnv, connect_redis};
use tokio::{net::TcpListener, task::JoinSet};
use user_service::{Config, build_with_clock};
use uuid::Uuid;

/// What the gateway says a client's address is.
pub(crate) const CLIENT_ADDRESS: &str = "203.0.113.7";
pub(crate) const USER_AGENT: &str = "tests/1.0";

/// A running user service and everything around it. Fields are dropped in this order, the database last.
pub(crate) struct World {
    /// The gateway, on behalf of nobody yet.
    pub(crate) api: Api,
    pub(crate) url: String,
    /// The test's database, as the superuser.
    pub(crate) db: PgPool,
    clock: Clock,
    pub(crate) simulators: String,
    http: reqwest::Client,
    captchas: AtomicU32,
    _service: Running,
    _simulators: JoinSet<()>,
    pub(crate) env: TestEnv,
}

/// Somebody who may register.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) email: String,
    pub(crate) password: String,
    pub(crate) name: String,
    pub(crate) phone: String,
    pub(crate) ci: String,
}

/// What a login or a refresh gave.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Person {
    pub(crate) fn buyer() -> Self {
        Self {
            email: "buyer@example.com".into(),
            password: "Passw0rd!".into(),
            name: "김철수".into(),
            phone: "010-1234-5678".into(),
            ci: "ci-of-the-buyer".into(),
        }
    }

    /// Another person than the buyer, and than those of other numbers.
    pub(crate) fn numbered(number: usize) -> Self {
        Self {
            email: format!("person{number}@example.com"),
            ci: format!("ci-of-person-{number}"),
            ..Self::buyer()
        }
    }
}

impl Tokens {
    pub(crate) fn of(pair: &Value) -> Self {
        let text = |name: &str| pair[name].as_str().unwrap().to_owned();
        Self {
            access: text("accessToken"),
            refresh: text("refreshToken"),
        }
    }

    /// The access token's claims, as anybody can read them.
    pub(crate) fn claims(&self) -> Value {
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
        let payload = self.access.split('.').nth(1).unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
    }

    pub(crate) fn session(&self) -> Uuid {
        self.claims()["sid"].as_str().unwrap().parse().unwrap()
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With settings of the service that differ from the tests' usual ones.
    pub(crate) async fn start_with(settings: &[(&str, &str)]) -> Self {
        crate::logs::install();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let simulators = format!("http://{}", listener.local_addr().unwrap());
        let mut servers = JoinSet::new();
        servers.spawn(async move {
            serve(listener, SimulatorConfig::default(), std::future::pending())
                .await
                .unwrap();
        });

        let mut env = TestEnv::new()
            .await
            .with("BCRYPT_COST", 4)
            .with("PORTONE_BASE_URL", format!("{simulators}/portone"))
            .with("OAUTH_SIMULATORS_URL", &simulators)
            .with("RECAPTCHA_VERIFY_URL", format!("{simulators}/recaptcha/siteverify"));
        for (variable, value) in settings {
            env.set(variable, value);
        }
        let clock = Clock::adjustable();
        let config = Config::from_env(&env.env(Some(Login::User))).unwrap();
        let service = Running::start(build_with_clock(config, clock.clone()).await.unwrap());
        let url = service.url();
        Self {
            api: Api::as_gateway(&url)
                .with_header("x-client-address", CLIENT_ADDRESS)
                .with_header("user-agent", USER_AGENT),
            url,
            db: PgPoolOptions::new()
                .max_connections(3)
                .connect(&env.superuser_url())
                .await
                .unwrap(),
            clock,
            simulators,
            http: reqwest::Client::new(),
            captchas: AtomicU32::new(0),
            _service: service,
            _simulators: servers,
            env,
        }
    }

    /// Moves the service's clock, and no other.
    pub(crate) fn pass_time(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    /// A captcha solved just now.
    pub(crate) fn captcha(&self) -> String {
        format!("sim-pass-{}", self.captchas.fetch_add(1, Ordering::Relaxed))
    }

    /// The person at the verification window.
    pub(crate) async fn verification(&self, person: &Person) -> String {
        self.verification_of(&json!({ "name": person.name, "phone": person.phone, "ci": person.ci }))
            .await
    }

    /// An identity verification exactly as described.
    pub(crate) async fn verification_of(&self, described: &Value) -> String {
        let url = format!("{}/control/identity-verifications", self.simulators);
        let reply = self.http.post(url).json(described).send().await.unwrap();
        assert_eq!(reply.status(), 201);
        let reply: Value = reply.json().await.unwrap();
        reply["identityVerificationId"].as_str().unwrap().to_owned()
    }

    /// Makes the third parties misbehave.
    pub(crate) async fn faults(&self, faults: &Value) {
        let url = format!("{}/control/faults", self.simulators);
        assert_eq!(self.http.put(url).json(faults).send().await.unwrap().status(), 200);
    }

    /// A registration that nothing is wrong with.
    pub(crate) async fn registration(&self, person: &Person) -> Value {
        json!({
            "email": person.email,
            "password": person.password,
            "name": person.name,
            "phone": person.phone,
            "captchaToken": self.captcha(),
            "identityVerificationId": self.verification(person).await,
            "agreements": [
                { "type": "SERVICE", "version": "2026-01-11", "agreed": true },
                { "type": "PRIVACY", "version": "2026-01-11", "agreed": true },
                { "type": "MARKETING", "version": "2026-01-11", "agreed": false },
            ],
        })
    }

    /// Registers the person and gives their id.
    pub(crate) async fn register(&self, person: &Person) -> Uuid {
        let body = self.registration(person).await;
        let reply = self.api.post("/auth/register", &body).await.expect(201);
        reply["userId"].as_str().unwrap().parse().unwrap()
    }

    /// Tries to sign in.
    pub(crate) async fn try_login(&self, email: &str, password: &str) -> Reply {
        let body = json!({ "email": email, "password": password, "captchaToken": self.captcha() });
        self.api.post("/auth/login", &body).await
    }

    /// As [`World::try_login`], from another address.
    pub(crate) async fn try_login_from(&self, address: &str, email: &str, password: &str) -> Reply {
        let body = json!({ "email": email, "password": password, "captchaToken": self.captcha() });
        let api = self.api.with_header("x-client-address", address);
        api.post("/auth/login", &body).await
    }

    /// Signs the person in.
    pub(crate) async fn login(&self, person: &Person) -> Tokens {
        Tokens::of(&self.try_login(&person.email, &person.password).await.expect(200))
    }

    /// Registers the buyer and signs them in.
    pub(crate) async fn signed_in_buyer(&self) -> (Uuid, Tokens) {
        let buyer = Person::buyer();
        (self.register(&buyer).await, self.login(&buyer).await)
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Reply {
        self.api
            .post("/auth/refresh", &json!({ "refreshToken": refresh_token }))
            .await
    }

    /// Whom the gateway calls for once it has verified the access token.
    pub(crate) fn as_owner(&self, user: Uuid, tokens: &Tokens) -> Api {
        self.api.as_user(user).with_token(&tokens.access)
    }

    /// Changes an account's status as an administrator or the daily job would.
    pub(crate) async fn set_status(&self, user: Uuid, status: &str) {
        let changed = sqlx::query("UPDATE user_service.users SET status = $2 WHERE id = $1")
            .bind(user)
            .bind(status)
            .execute(&self.db)
            .await
            .unwrap();
        assert_eq!(changed.rows_affected(), 1);
    }

    pub(crate) async fn status_of(&self, user: Uuid) -> String {
        sqlx::query_scalar("SELECT status FROM user_service.users WHERE id = $1")
            .bind(user)
            .fetch_one(&self.db)
            .await
            .unwrap()
    }

    pub(crate) async fn execute(&self, statement: &'static str) -> u64 {
        sqlx::query(statement).execute(&self.db).await.unwrap().rows_affected()
    }

    pub(crate) async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.db).await.unwrap()
    }

    pub(crate) async fn redis(&self) -> redis::aio::MultiplexedConnection {
        connect_redis(self.env.redis_url()).await
    }

    /// Seconds for which the gateway will refuse the session's access tokens; none if it accepts them.
    pub(crate) async fn session_blacklisted_for(&self, session: Uuid) -> Option<i64> {
        self.blacklisted_for(&format!("token:blacklist:sid:{session}")).await
    }

    pub(crate) async fn blacklisted_for(&self, key: &str) -> Option<i64> {
        let seconds: i64 = redis::cmd("TTL")
            .arg(key)
            .query_async(&mut self.redis().await)
            .await
            .unwrap();
        assert_ne!(seconds, -1, "a key that never goes away: {key}");
        (seconds >= 0).then_some(seconds)
    }
}

/// The fields that a problem names.
pub(crate) fn fields(problem: &Value) -> Vec<&str> {
    problem["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|error| error["field"].as_str())
        .collect()
}
