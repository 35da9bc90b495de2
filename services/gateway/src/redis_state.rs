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
use common::redis::{Line, Question, Redis, RedisConfig, connect};
use redis::{ErrorKind, Pipeline, RedisError, RedisResult, Script, ServerErrorKind, Value};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use uuid::Uuid;

const BLACKLISTED_TOKEN: &[u8] = b"token:blacklist:";
const BLACKLISTED_SESSION: &[u8] = b"token:blacklist:sid:";
const QUEUE_TOKEN: &[u8] = b"queue:token:";
const RATE_LIMIT: &[u8] = b"ratelimit:";

const GCRA: &str = include_str!("../lua/gcra.lua");
/// A UUID's letters.
const UUID_LENGTH: usize = uuid::fmt::Hyphenated::LENGTH;

/// So many failures in a row are an outage; fewer are bad luck.
const FAILURES_OF_AN_OUTAGE: u32 = 3;
/// During an outage, one request in this time finds out whether it is over.
const PAUSE_BETWEEN_TRIES_MILLIS: u64 = 250;

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

    /// Asks them as commands: name and arguments, each in parts that belong together.
    fn each(&self, gcra: &Script, mut command: impl FnMut(&[&[&[u8]]])) {
        let mut text = [0; UUID_LENGTH];
        if let Some((digest, sid)) = self.token {
            command(&[&[b"EXISTS"], &[BLACKLISTED_TOKEN, digest.as_bytes()]]);
            let sid = sid.hyphenated().encode_lower(&mut text);
            command(&[&[b"EXISTS"], &[BLACKLISTED_SESSION, sid.as_bytes()]]);
        }
        for LimitCheck { quota, subject } in self.limits {
            let interval = quota.interval_micros();
            let (kind, address);
            let subject = match subject {
                Subject::User(id) => {
                    kind = &b":user:"[..];
                    &*id.hyphenated().encode_lower(&mut text)
                }
                Subject::Address(of) => {
                    kind = b":ip:";
                    address = of.to_string();
                    &address
                }
            };
            command(&[
                &[b"EVALSHA"],
                &[gcra.get_hash().as_bytes()],
                &[b"1"],
                &[RATE_LIMIT, quota.name().as_bytes(), kind, subject.as_bytes()],
                &[itoa::Buffer::new().format(interval).as_bytes()],
                &[itoa::Buffer::new()
                    .format(interval * u64::from(quota.per_minute()))
                    .as_bytes()],
            ]);
        }
        if let Some(token) = self.queue_token {
            command(&[&[b"GET"], &[QUEUE_TOKEN, token.as_bytes()]]);
        }
    }

    /// Reads the replies in the order in which [`Questions::each`] asked.
    fn answers(&self, replies: &[Value]) -> Result<Answers, RedisError> {
        let mut replies = replies.iter();
        let mut next = || replies.next().ok_or_else(unexpected);
        let mut answers = Answers::default();
        if self.token.is_some() {
            let (token, session) = (number(next()?)?, number(next()?)?);
            answers.revoked = token > 0 || session > 0;
        }
        answers.limits.reserve(self.limits.len());
        for _ in self.limits {
            let reply = next()?;
            let Value::Array(numbers) = reply else {
                return Err(error(reply));
            };
            let [allowed, remaining, reset_micros, wait_micros] = &numbers[..] else {
                return Err(unexpected());
            };
            answers.limits.push(GcraReply {
                allowed: number(allowed)? == 1,
                remaining: u32::try_from(number(remaining)?).map_err(|_| unexpected())?,
                reset_micros: number(reset_micros)?,
                wait_micros: number(wait_micros)?,
            });
        }
        if self.queue_token.is_some() {
            answers.queue_token = match next()? {
                Value::Nil => None,
                Value::BulkString(record) => Some(record.clone()),
                reply => return Err(error(reply)),
            };
        }
        Ok(answers)
    }
}

fn number(reply: &Value) -> RedisResult<u64> {
    match reply {
        Value::Int(number) => u64::try_from(*number).map_err(|_| unexpected()),
        reply => Err(error(reply)),
    }
}

/// What a reply of the wrong kind says.
fn error(reply: &Value) -> RedisError {
    reply.clone().extract_error().err().unwrap_or_else(unexpected)
}

fn unexpected() -> RedisError {
    RedisError::from((
        ErrorKind::UnexpectedReturnType,
        "a reply of another kind than asked for",
    ))
}

/// The client's own limit is for commands that may take long.
fn too_late<T>(_: tokio::time::error::Elapsed) -> RedisResult<T> {
    Err(io::Error::from(io::ErrorKind::TimedOut).into())
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
        let answered = self.try_ask(questions).await;
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
        match self.way.ask(questions, &self.gcra).await? {
            // A restarted Redis has forgotten the script. It has counted nothing, so everything may be asked again. (Another
            // master of a cluster may have counted another limit, once too often.)
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.way.load(&self.gcra).await?;
                self.way.ask(questions, &self.gcra).await?
            }
            result => result,
        }
    }
}

impl Way {
    /// The answers, unless nothing came; or which of the replies were none.
    async fn ask(&self, questions: &Questions<'_>, gcra: &Script) -> RedisResult<RedisResult<Answers>> {
        match self {
            Self::Single(line) => {
                let write = |question: &mut Question<'_>| questions.each(gcra, |command| question.command(command));
                line.ask(write, |replies| questions.answers(replies)).await
            }
            Self::Cluster(redis, timeout) => {
                let mut pipeline = Pipeline::with_capacity(5);
                pipeline.ignore_errors();
                questions.each(gcra, |command| {
                    let mut whole = redis::Cmd::new();
                    for parts in command {
                        whole.arg(parts.concat());
                    }
                    pipeline.add_command(whole);
                });
                let mut redis = redis.clone();
                let asked = pipeline.query_async(&mut redis);
                let replies: Vec<Value> = tokio::time::timeout(*timeout, asked).await.unwrap_or_else(too_late)?;
                Ok(questions.answers(&replies))
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

    fn note(&self, error: Option<&RedisError>) {
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
                            error.message = %error,
                            "Redis does not answer: limits are counted in this process, revoked tokens are not known"
                        );
                    }
                }
            }
        }
    }
}
