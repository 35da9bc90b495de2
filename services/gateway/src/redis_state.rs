//! What the gateway asks of Redis, and the only place that names these keys:
//!
//! | key | written by | here |
//! |---|---|---|
//! | `token:blacklist:<sha256 of token>`, `token:blacklist:sid:<sid>` | user service | read: is the token revoked |
//! | `queue:token:<token>` | queue service | read: whose queue token, of which kind |
//! | `ratelimit:<limit>:ip:<address>`, `ratelimit:<limit>:user:<id>` | here | counted by `lua/gcra.lua` |
//!
//! All that one request needs goes out as one pipeline, so it costs one round trip. Each command has a single key and they
//! share no transaction, so nothing asks for keys in one slot: on a cluster each command goes to its own master, all at once.

use crate::route_table::{Quota, Subject};
use common::redis::Redis;
use redis::{ErrorKind, Pipeline, RedisError, Script, ServerErrorKind, Value};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use uuid::Uuid;

const BLACKLISTED_TOKEN: &str = "token:blacklist:";
const BLACKLISTED_SESSION: &str = "token:blacklist:sid:";
const QUEUE_TOKEN: &str = "queue:token:";
const RATE_LIMIT: &str = "ratelimit:";

/// So many failures in a row are an outage; fewer are bad luck.
const FAILURES_OF_AN_OUTAGE: u32 = 3;
/// During an outage, one request in this time finds out whether it is over.
const PAUSE_BETWEEN_TRIES_MILLIS: u64 = 250;

/// Redis as the gateway uses it; one per thread, so that what the requests of a thread ask at the same time goes out in one
/// write.
pub(crate) struct RedisState {
    redis: Redis,
    gcra: Script,
    timeout: Duration,
    outage: Arc<Outage>,
}

/// Whether Redis answers. While it does not, hardly any request may spend time on asking, and an outage is logged when it
/// begins and when it ends, not per request.
///
/// One master of a cluster may be away alone. Then every request asks, because most of what it needs may be with the others;
/// the client waits for a silent master only briefly, and logs who is silent.
pub(crate) struct Outage {
    of_a_cluster: bool,
    /// Questions without an answer since the last one with.
    failures: AtomicU32,
    /// When the next question may be asked, in milliseconds since `started`.
    next_try: AtomicU64,
    started: Instant,
}

/// What a request needs to know.
#[derive(Debug, Default)]
pub(crate) struct Questions<'a> {
    /// The token's digest and its session: is either revoked?
    pub(crate) token: Option<(&'a str, Uuid)>,
    /// The limits to count this request against.
    pub(crate) limits: &'a [LimitCheck<'a>],
    /// The queue token: what is known about it?
    pub(crate) queue_token: Option<&'a str>,
}

/// A limit, and who is counted.
#[derive(Debug)]
pub(crate) struct LimitCheck<'a> {
    pub(crate) quota: &'a Quota,
    pub(crate) subject: Subject,
}

/// The answers.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) revoked: bool,
    /// In the order of the questions.
    pub(crate) limits: Vec<GcraReply>,
    /// The queue token's record, if it was asked for and exists.
    pub(crate) queue_token: Option<Vec<u8>>,
}

/// What `gcra.lua` said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GcraReply {
    pub(crate) allowed: bool,
    pub(crate) remaining: u32,
    pub(crate) reset_micros: u64,
    pub(crate) wait_micros: u64,
}

/// Redis gave no usable answer. It was logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RedisDown;

impl Questions<'_> {
    fn is_empty(&self) -> bool {
        self.token.is_none() && self.limits.is_empty() && self.queue_token.is_none()
    }

    fn pipeline(&self, gcra: &Script) -> Pipeline {
        let mut pipeline = Pipeline::with_capacity(5);
        pipeline.ignore_errors();
        if let Some((digest, sid)) = self.token {
            pipeline.cmd("EXISTS").arg(format!("{BLACKLISTED_TOKEN}{digest}"));
            pipeline.cmd("EXISTS").arg(format!("{BLACKLISTED_SESSION}{sid}"));
        }
        for LimitCheck { quota, subject } in self.limits {
            let interval = quota.interval_micros();
            pipeline
                .cmd("EVALSHA")
                .arg(gcra.get_hash())
                .arg(1)
                .arg(format!("{RATE_LIMIT}{}:{subject}", quota.name()))
                .arg(interval)
                .arg(interval * u64::from(quota.per_minute()));
        }
        if let Some(token) = self.queue_token {
            pipeline.cmd("GET").arg(format!("{QUEUE_TOKEN}{token}"));
        }
        pipeline
    }

    /// Reads the replies in the order in which [`Questions::pipeline`] asked.
    fn answers(&self, replies: Vec<Value>) -> Result<Answers, RedisError> {
        let mut replies = replies.into_iter();
        let mut next = || replies.next().unwrap_or_default().extract_error();
        let mut answers = Answers::default();
        if self.token.is_some() {
            let (token, session): (bool, bool) = (redis::from_redis_value(next()?)?, redis::from_redis_value(next()?)?);
            answers.revoked = token || session;
        }
        for _ in self.limits {
            let (allowed, remaining, reset_micros, wait_micros) = redis::from_redis_value(next()?)?;
            answers.limits.push(GcraReply {
                allowed,
                remaining,
                reset_micros,
                wait_micros,
            });
        }
        if self.queue_token.is_some() {
            answers.queue_token = redis::from_redis_value(next()?)?;
        }
        Ok(answers)
    }
}

impl RedisState {
    pub(crate) fn new(redis: Redis, timeout: Duration, outage: Arc<Outage>) -> Self {
        metrics::gauge!("gateway_redis_up").set(1.0);
        Self {
            redis,
            gcra: Script::new(include_str!("../lua/gcra.lua")),
            timeout,
            outage,
        }
    }

    /// Asks everything at once.
    ///
    /// # Errors
    /// [`RedisDown`] when any of it could not be answered.
    pub(crate) async fn ask(&self, questions: &Questions<'_>) -> Result<Answers, RedisDown> {
        if questions.is_empty() {
            return Ok(Answers::default());
        }
        if !self.outage.may_ask() {
            return Err(RedisDown);
        }
        let answered = match tokio::time::timeout(self.timeout, self.try_ask(questions)).await {
            Ok(Ok(answers)) => Ok(answers),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer in time".to_owned()),
        };
        self.outage.note(answered.as_ref().err());
        answered.map_err(|_| RedisDown)
    }

    /// Each thread's connection learns only by being used that Redis was away meanwhile: a command fails, and behind it the
    /// connection is made anew. Nobody shall be refused for that when Redis is back, so the question is asked again; that a
    /// limit may count it twice does no harm.
    async fn try_ask(&self, questions: &Questions<'_>) -> Result<Answers, RedisError> {
        match self.ask_once(questions).await {
            Err(error) if error.is_connection_dropped() && !self.outage.is_known() => self.ask_once(questions).await,
            result => result,
        }
    }

    async fn ask_once(&self, questions: &Questions<'_>) -> Result<Answers, RedisError> {
        let pipeline = questions.pipeline(&self.gcra);
        let mut redis = self.redis.clone();
        match questions.answers(pipeline.query_async(&mut redis).await?) {
            // A restarted Redis has forgotten the script. It has counted nothing, so everything may be asked again. (Another
            // master of a cluster may have counted another limit, once too often.)
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.gcra.load_async(&mut redis).await?;
                questions.answers(pipeline.query_async(&mut redis).await?)
            }
            result => result,
        }
    }
}

impl Outage {
    /// None yet.
    pub(crate) fn none(of_a_cluster: bool) -> Self {
        Self {
            of_a_cluster,
            failures: AtomicU32::new(0),
            next_try: AtomicU64::new(0),
            started: Instant::now(),
        }
    }

    /// Whether the last question had no answer.
    fn is_known(&self) -> bool {
        self.failures.load(Ordering::Relaxed) > 0
    }

    /// Whether this request may ask: always, until several have failed in a row; then one in a while, to find the end.
    fn may_ask(&self) -> bool {
        if self.of_a_cluster || self.failures.load(Ordering::Relaxed) < FAILURES_OF_AN_OUTAGE {
            return true;
        }
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let next = self.next_try.load(Ordering::Relaxed);
        let after = now + PAUSE_BETWEEN_TRIES_MILLIS;
        now >= next
            && self
                .next_try
                .compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    fn note(&self, error: Option<&String>) {
        match error {
            None => {
                if self.failures.swap(0, Ordering::Relaxed) > 0 {
                    metrics::gauge!("gateway_redis_up").set(1.0);
                    if !self.of_a_cluster {
                        tracing::info!(dependency.name = "redis", "Redis answers again");
                    }
                }
            }
            Some(error) => {
                if self.failures.fetch_add(1, Ordering::Relaxed) == 0 {
                    metrics::gauge!("gateway_redis_up").set(0.0);
                    if !self.of_a_cluster {
                        tracing::warn!(
                            dependency.name = "redis",
                            error.message = error,
                            "Redis does not answer: limits are counted in this process, revoked tokens are not known"
                        );
                    }
                }
            }
        }
    }
}
