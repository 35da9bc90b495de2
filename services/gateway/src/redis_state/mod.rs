//! What the gateway asks of Redis, and the only place that names these keys:
//!
//! | key | written by | here |
//! |---|---|---|
//! | `token:blacklist:<sha256 of token>`, `token:blacklist:sid:<sid>` | user service | read: is the token revoked |
//! | `queue:token:<token>` | queue service | read: whose queue token, of which kind |
//! | `ratelimit:<limit>:ip:<address>`, `ratelimit:<limit>:user:<id>` | here | counted by `lua/gcra.lua` |
//!
//! All that one request needs is asked at once, so it costs one round trip. Each command has a single key and they share no
//! transaction, so nothing asks for keys in one slot: on a cluster each command goes to its own master, all at once.

mod outage;
mod questions;

pub(crate) use outage::Outage;
pub(crate) use questions::{Answers, LimitCheck, Questions, RedisDown};

use common::redis::{Line, Question, Redis, RedisConfig, connect};
use futures_util::future::join_all;
use questions::Heard;
use redis::{RedisResult, Script, Value};
use std::{io, sync::Arc, time::Duration};

const GCRA: &str = include_str!("../../lua/gcra.lua");

/// Redis as the gateway uses it; one per thread, so that what the requests of a thread ask at the same time goes out in one
/// write.
pub(crate) struct RedisState {
    way: Way,
    gcra: Script,
    outage: Arc<Outage>,
}

/// The way there.
enum Way {
    /// One server.
    Single(Line),
    /// Several, each of which knows some of the keys; who waits gives up after a while.
    Cluster(Redis, Duration),
}

/// What `gcra.lua` said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GcraReply {
    pub(crate) allowed: bool,
    pub(crate) remaining: u32,
    pub(crate) reset_micros: u64,
    pub(crate) wait_micros: u64,
}

impl RedisState {
    /// # Errors
    /// When the address cannot be read.
    pub(crate) fn new(config: &RedisConfig, timeout: Duration, outage: Arc<Outage>) -> RedisResult<Self> {
        metrics::gauge!("gateway_redis_up").set(1.0);
        Ok(Self {
            way: match config {
                RedisConfig::Single(url) => Way::Single(Line::new(url, timeout)?),
                RedisConfig::Cluster(_) => Way::Cluster(connect(config)?, timeout),
            },
            gcra: Script::new(GCRA),
            outage,
        })
    }

    /// Asks everything at once. Each question has an answer of its own, or none.
    pub(crate) async fn ask(&self, questions: &Questions<'_>) -> Answers {
        if questions.is_empty() {
            return Answers::to_nothing();
        }
        if !self.outage.may_ask() {
            return Answers::missing();
        }
        let heard = self.try_ask(questions).await;
        self.outage.note(&heard);
        heard.answers
    }

    /// Each thread's connection learns only by being used that Redis was away meanwhile: a command fails, and behind it the
    /// connection is made anew. Nobody shall be refused for that when Redis is back, so the question is asked again; that a
    /// limit may count it twice does no harm.
    async fn try_ask(&self, questions: &Questions<'_>) -> Heard {
        let heard = self.ask_once(questions).await;
        if heard.lost_connection() && !self.outage.is_known() {
            return self.ask_once(questions).await;
        }
        heard
    }

    async fn ask_once(&self, questions: &Questions<'_>) -> Heard {
        let heard = self.way.ask(questions, &self.gcra).await;
        // A restarted Redis has forgotten the script. It has counted nothing, so everything may be asked again. (Another
        // master of a cluster may have counted another limit, once too often.)
        if heard.lacks_script() && self.way.load(&self.gcra).await.is_ok() {
            return self.way.ask(questions, &self.gcra).await;
        }
        heard
    }
}

impl Way {
    async fn ask(&self, questions: &Questions<'_>, gcra: &Script) -> Heard {
        match self {
            Self::Single(line) => {
                let write = |question: &mut Question<'_>| questions.each(gcra, |command| question.command(command));
                let asked = line.ask(write, |replies| questions.hear(replies.iter().map(Ok)));
                asked.await.unwrap_or_else(Heard::nothing)
            }
            Self::Cluster(redis, timeout) => {
                // One by one and not as a pipeline, which fails as a whole if one of its masters is away.
                let mut commands = Vec::with_capacity(5);
                questions.each(gcra, |command| {
                    let mut whole = redis::Cmd::new();
                    for parts in command {
                        whole.arg(parts.concat());
                    }
                    commands.push(whole);
                });
                let asked = commands.iter().map(|command| {
                    let mut redis = redis.clone();
                    async move {
                        let asked = command.query_async(&mut redis);
                        tokio::time::timeout(*timeout, asked).await.unwrap_or_else(too_late)
                    }
                });
                let replies: Vec<RedisResult<Value>> = join_all(asked).await;
                questions.hear(replies.iter().map(Result::as_ref))
            }
        }
    }

    async fn load(&self, script: &Script) -> RedisResult<()> {
        match self {
            Self::Single(line) => {
                let write =
                    |question: &mut Question<'_>| question.command(&[&[b"SCRIPT"], &[b"LOAD"], &[GCRA.as_bytes()]]);
                let refused = |replies: &[Value]| replies.iter().find_map(|reply| reply.clone().extract_error().err());
                line.ask(write, refused).await?.map_or(Ok(()), Err)
            }
            Self::Cluster(redis, timeout) => {
                let mut redis = redis.clone();
                let loaded = script.load_async(&mut redis);
                tokio::time::timeout(*timeout, loaded).await.unwrap_or_else(too_late)?;
                Ok(())
            }
        }
    }
}

/// The client's own limit is for commands that may take long.
fn too_late<T>(_: tokio::time::error::Elapsed) -> RedisResult<T> {
    Err(io::Error::from(io::ErrorKind::TimedOut).into())
}
