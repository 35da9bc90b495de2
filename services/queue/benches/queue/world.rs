//! What is measured, and its peer, with a Redis of their own.

use crate::{bare, bare::Bare, client::Client, neighbours, own_redis::Observer};
use common::internal_auth::{Service, SigningKey};
use http::Method;
use queue_service::{Config, build, measured::Lines};
use serde_json::json;
use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};
use test_support::{
    Login, Running, TestEnv,
    measure::{Load, closed_loop},
    servers::OwnRedis,
};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Stand where half a millisecond is between two people, as in a rush that fills a line in half a minute.
const BETWEEN_MICROS: i64 = 500;
/// How many places are filled in side by side.
const FILLERS: usize = 64;

/// The machine's own address.
const HERE: [u8; 4] = [127, 0, 0, 1];

pub(crate) struct World {
    pub(crate) lines: Arc<Lines>,
    pub(crate) bare: Arc<Bare>,
    pub(crate) observer: Observer,
    pub(crate) key: SigningKey,
    pub(crate) service: Running,
    peer: Running,
    env: TestEnv,
    _neighbours: Running,
    _redis: OwnRedis,
}

/// Which of two is called.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Side {
    Ours,
    Peer,
}

/// A line with people in it.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) event: Uuid,
    pub(crate) users: Arc<[Uuid]>,
}

impl Line {
    /// The users in an order that has nothing to do with the line's: it jumps.
    fn user(&self, number: usize) -> Uuid {
        self.users[number.wrapping_mul(7_919) % self.users.len()]
    }
}

impl World {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let redis = OwnRedis::start()
            .await
            .map_err(|missing| anyhow::anyhow!("{missing:?}"))?;
        let neighbours = neighbours::start().await;
        let env = TestEnv::new()
            .await
            .with_topics()
            .await
            .with("REDIS_URL", redis.url())
            .with("EVENT_SERVICE_URL", neighbours.url())
            .with("RESERVATION_SERVICE_URL", neighbours.url())
            // Whoever is in a line here is silent most of the time, and more than any hall has seats.
            .with("QUEUE_GRACE_SECONDS", 36_000)
            .with("QUEUE_CAPACITY", 10_000_000)
            // Who asks where he stands shall stand there.
            .with("MAX_ACTIVE", 0)
            .with("LOG_LEVEL", "warn");
        let settings = env.env(Some(Login::Queue));
        let config = Config::from_env(&settings)?;
        Ok(Self {
            lines: Arc::new(Lines::new(&config)?),
            bare: Arc::new(Bare::new(&config)?),
            observer: Observer::new(&redis.url()).await?,
            key: SigningKey::from_env(&settings, Service::Gateway)?,
            peer: bare::start(&config).await?,
            service: Running::start(build(config).await?),
            env,
            _neighbours: neighbours,
            _redis: redis,
        })
    }

    /// The settings of a queue service that is a process of its own.
    pub(crate) fn pairs(&self) -> HashMap<String, String> {
        self.env.pairs(Some(Login::Queue))
    }

    /// A new line of so many.
    pub(crate) async fn line(&self, people: usize) -> anyhow::Result<Line> {
        let line = Line {
            event: Uuid::now_v7(),
            users: (0..people).map(|_| Uuid::new_v4()).collect(),
        };
        let (seconds, micros): (i64, i64) = redis::cmd("TIME").query_async(&mut self.observer.connection()).await?;
        let begin = seconds * 1_000_000 + micros - i64::try_from(people)? * BETWEEN_MICROS;
        let mut fillers = JoinSet::new();
        for filler in 0..FILLERS {
            let (line, lines) = (line.clone(), Arc::clone(&self.lines));
            fillers.spawn(async move {
                for (number, user) in line.users.iter().enumerate().skip(filler).step_by(FILLERS) {
                    let score = begin + i64::try_from(number)? * BETWEEN_MICROS;
                    lines.place(*user, line.event, score).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(filled) = fillers.join_next().await {
            filled??;
        }
        Ok(line)
    }

    /// Everybody asks where he stands, straight from Redis' client.
    pub(crate) async fn status(&self, side: Side, line: &Line, clients: usize, duration: Duration) -> Load {
        let (lines, bare, line) = (Arc::clone(&self.lines), Arc::clone(&self.bare), line.clone());
        closed_loop((0..clients).collect(), duration, move |number: usize| {
            let (lines, bare, line) = (Arc::clone(&lines), Arc::clone(&bare), line.clone());
            async move {
                let (user, event) = (line.user(number), line.event);
                match side {
                    Side::Ours => lines.status(user, event).await.expect("he stands in line"),
                    Side::Peer => assert_eq!(bare.status(user, event).await.expect("Redis answers").0, "WAITING"),
                }
                number + clients
            }
        })
        .await
    }

    /// Everybody joins, straight from Redis' client.
    pub(crate) async fn enter(&self, side: Side, clients: usize, duration: Duration) -> Load {
        let (lines, bare, event) = (Arc::clone(&self.lines), Arc::clone(&self.bare), Uuid::now_v7());
        closed_loop(vec![(); clients], duration, move |()| {
            let (lines, bare) = (Arc::clone(&lines), Arc::clone(&bare));
            async move {
                let user = Uuid::new_v4();
                match side {
                    Side::Ours => lines.enter(user, event).await.expect("there is room"),
                    Side::Peer => assert_eq!(bare.enter(user, event).await.expect("Redis answers").0, "WAITING"),
                }
            }
        })
        .await
    }

    async fn connect(&self, side: Side, clients: usize) -> anyhow::Result<Vec<(Client, usize)>> {
        let mut connections = Vec::new();
        for number in 0..clients {
            connections.push((
                Client::connect(HERE, self.address(side), self.key.clone()).await?,
                number,
            ));
        }
        Ok(connections)
    }

    fn address(&self, side: Side) -> SocketAddr {
        match side {
            Side::Ours => self.service.address(),
            Side::Peer => self.peer.address(),
        }
    }

    /// Everybody asks where he stands, over HTTP.
    pub(crate) async fn http_status(
        &self,
        side: Side,
        line: &Line,
        clients: usize,
        duration: Duration,
    ) -> anyhow::Result<Load> {
        let (connections, line) = (self.connect(side, clients).await?, line.clone());
        let path = format!("/queue/status?eventId={}", line.event);
        let load = closed_loop(connections, duration, move |(mut client, number)| {
            let (line, path) = (line.clone(), path.clone());
            async move {
                let status = client.call(Method::GET, &path, line.user(number), "").await;
                assert!(matches!(status, Ok(200)), "a status was answered with {status:?}");
                (client, number + clients)
            }
        });
        Ok(load.await)
    }

    /// Everybody joins, over HTTP.
    pub(crate) async fn http_enter(&self, side: Side, clients: usize, duration: Duration) -> anyhow::Result<Load> {
        let connections = self.connect(side, clients).await?;
        let body = json!({"eventId": Uuid::now_v7()}).to_string();
        let load = closed_loop(connections, duration, move |(mut client, number)| {
            let body = body.clone();
            async move {
                let status = client.call(Method::POST, "/queue/enter", Uuid::new_v4(), &body).await;
                assert!(matches!(status, Ok(200)), "an entry was answered with {status:?}");
                (client, number)
            }
        });
        Ok(load.await)
    }
}
