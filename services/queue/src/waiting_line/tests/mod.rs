//! The scripts against a real Redis. What each replica sees of them is the same, so replicas are connections here.

mod admission;
mod claims;
mod endings;
mod glance;
mod grants;
mod model;
mod order;
mod pace;
mod remembering;
mod restoring;
mod silence;

use super::{EnterLimits, EnterReply, Grant, Seen, Standing, Tick, TickOutcome, WaitingLine, keys, standing::Place};
use crate::domain::{Limits, Settings};
use chrono::{DateTime, Utc};
use common::{config::Env, redis::RedisConfig};
use redis::cmd;
use std::time::Duration;
use test_support::TestEnv;
use uuid::Uuid;

/// One event's line in a Redis database of its own.
struct Bench {
    env: TestEnv,
    line: WaitingLine,
    event: Uuid,
    limits: Limits,
}

impl Bench {
    async fn new(settings: &[(&str, &str)]) -> Self {
        let env = TestEnv::new().await;
        let line = replica(&env);
        let limits = Limits::from_env(&Env::from_pairs(settings.iter().copied()).unwrap()).unwrap();
        Self {
            env,
            line,
            event: Uuid::now_v7(),
            limits,
        }
    }

    fn enter_limits(&self) -> EnterLimits {
        EnterLimits {
            capacity: self.limits.capacity,
            opens: DateTime::<Utc>::UNIX_EPOCH,
            closes: DateTime::from_timestamp(9_000_000_000, 0).unwrap(),
            session: self.limits.session,
        }
    }

    async fn enter(&self, user: Uuid) -> EnterReply {
        self.line.enter(self.event, user, self.enter_limits()).await.unwrap()
    }

    /// Enters users one after the other.
    async fn enter_all(&self, count: usize) -> Vec<Uuid> {
        let mut users = Vec::new();
        for _ in 0..count {
            let user = Uuid::now_v7();
            place(self.enter(user).await);
            users.push(user);
        }
        users
    }

    async fn poll(&self, user: Uuid) -> Standing {
        self.line
            .poll(self.event, user, self.limits.session)
            .await
            .unwrap()
            .value
    }

    async fn grant(&self, user: Uuid) -> Grant {
        match self.poll(user).await {
            Standing::Admitted(grant) => grant,
            other => panic!("not admitted: {other:?}"),
        }
    }

    fn tick_order(&self) -> Tick<'_> {
        Tick {
            settings: self.limits.default_settings(),
            limits: &self.limits,
            paused: false,
            unsold: Some((1_000_000, 0)),
            full_bucket: true,
            life: None,
        }
    }

    async fn tick(&self, order: Tick<'_>) -> TickOutcome {
        self.line.tick(self.event, order).await.unwrap()
    }

    /// Changes the control hash as time or an outage would.
    async fn set_control(&self, field: &str, value: i64) {
        let control = &keys::line(self.event)[6];
        cmd("HSET")
            .arg(control)
            .arg(field)
            .arg(value)
            .query_async::<()>(&mut self.line.connection())
            .await
            .unwrap();
    }
}

fn replica(env: &TestEnv) -> WaitingLine {
    let config = RedisConfig::Single(env.redis_url().to_owned());
    WaitingLine::new(common::redis::connect(&config).unwrap())
}

fn place(reply: EnterReply) -> Place {
    match reply {
        EnterReply::Standing(Seen {
            value: Standing::Waiting(place),
            ..
        }) => place,
        other => panic!("not waiting: {other:?}"),
    }
}

fn settings(admission_per_second: u32, max_active: u32) -> Settings {
    Settings {
        admission_per_second,
        max_active,
        paused: false,
    }
}

async fn pause(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}
