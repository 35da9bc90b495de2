//! A gateway with what surrounds it, and who calls it.

mod odd_server;
mod process;
mod raw;
mod redis;
mod upstream;

pub(crate) use self::{
    odd_server::OddServer,
    process::Process,
    raw::{raw, read_head, status_of},
    redis::Redis,
    upstream::{Recorded, Upstream, reply},
};
use common::{
    Clock,
    config::Env,
    identity::Role,
    jwt::{JwtConfig, TokenIssuer},
};
use gateway::{Config, build};
use std::collections::HashMap;
use test_support::{Api, Running};
use uuid::Uuid;

pub(crate) const BACKENDS: [&str; 5] = ["USER", "EVENT", "QUEUE", "RESERVATION", "PAYMENT"];

/// A running gateway with what surrounds it.
pub(crate) struct World {
    pub(crate) gateway: Running,
    pub(crate) upstream: Upstream,
    pub(crate) redis: Redis,
    pub(crate) clock: Clock,
    api: Api,
    settings: HashMap<String, String>,
}

impl World {
    /// With default settings.
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With settings of the test's own.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        let (upstream, redis, clock) = (Upstream::start().await, Redis::lease().await, Clock::adjustable());
        let mut all: HashMap<String, String> = HashMap::new();
        for (name, value) in [
            ("HOST", "127.0.0.1"),
            ("PORT", "0"),
            ("REDIS_URL", &redis.url),
            ("SHUTDOWN_GRACE_SECONDS", "5"),
        ] {
            all.insert(name.to_owned(), value.to_owned());
        }
        // A Redis that a busy machine keeps waiting is not one that is away. Those whose Redis is, or goes away, keep what is usual.
        if !settings.iter().any(|(name, _)| name.starts_with("REDIS_")) {
            all.insert("GATEWAY_REDIS_TIMEOUT_MS".to_owned(), "10000".to_owned());
        }
        for backend in BACKENDS {
            all.insert(format!("{backend}_SERVICE_URL"), upstream.url());
        }
        all.extend(
            settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let gateway = start(&all, &clock).await;
        Self {
            api: Api::new(&gateway.url()),
            gateway,
            upstream,
            redis,
            clock,
            settings: all,
        }
    }

    /// Another gateway with the same settings.
    pub(crate) async fn replica(&self) -> Running {
        start(&self.settings, &self.clock).await
    }

    /// The environment of this gateway.
    pub(crate) fn settings(&self) -> &HashMap<String, String> {
        &self.settings
    }

    /// Calls as anybody.
    pub(crate) fn anybody(&self) -> Api {
        self.api.clone()
    }

    /// Calls as a new signed-in user.
    pub(crate) fn somebody(&self) -> Person {
        Person::new(self, Role::User)
    }

    /// Calls as a signed-in administrator.
    pub(crate) fn admin(&self) -> Person {
        Person::new(self, Role::Admin)
    }

    /// Issues tokens as the user service does, with this clock.
    pub(crate) fn issuer(&self, clock: &Clock) -> TokenIssuer {
        let env = Env::from_pairs(self.settings.clone()).unwrap();
        TokenIssuer::new(JwtConfig::from_env(&env).unwrap(), clock.clone())
    }

    /// Sends bytes and reads until the gateway closes.
    pub(crate) async fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        raw(self.gateway.address(), bytes).await
    }

    /// The reply's first line to a GET of exactly this target.
    pub(crate) async fn raw_get(&self, target: &str, headers: &str) -> String {
        self.raw(format!(
            "GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n"
        ))
        .await
    }
}

async fn start(settings: &HashMap<String, String>, clock: &Clock) -> Running {
    let env = Env::from_pairs(settings.clone()).unwrap();
    let config = Config::from_env(&env).unwrap().with_clock(clock.clone());
    Running::start(build(config).await.unwrap())
}

/// A signed-in account.
pub(crate) struct Person {
    pub(crate) id: Uuid,
    pub(crate) sid: Uuid,
    pub(crate) token: String,
    pub(crate) api: Api,
}

impl Person {
    fn new(world: &World, role: Role) -> Self {
        let (id, sid) = (Uuid::now_v7(), Uuid::now_v7());
        let (token, _) = world.issuer(&world.clock).issue(id, role, sid).unwrap();
        let api = world.anybody().with_token(&token);
        Self { id, sid, token, api }
    }
}

/// For replies of which only the status matters.
pub(crate) trait MustBe {
    fn must_be(self, status: u16);
}

impl MustBe for test_support::Reply {
    #[track_caller]
    fn must_be(self, status: u16) {
        let _body = self.expect(status);
    }
}
