//! What a request asks of Redis, and how the replies are read: each says something about its own question only. A Redis that
//! refuses to write still tells what is revoked, and so do the other masters of a cluster while one is away.

use super::GcraReply;
use crate::route_table::{Quota, Subject};
use common::redis::{is_unavailable, refuses_writes};
use redis::{ErrorKind, RedisError, RedisResult, Script, ServerErrorKind, Value};
use uuid::Uuid;

const BLACKLISTED_TOKEN: &[u8] = b"token:blacklist:";
const BLACKLISTED_SESSION: &[u8] = b"token:blacklist:sid:";
const QUEUE_TOKEN: &[u8] = b"queue:token:";
const RATE_LIMIT: &[u8] = b"ratelimit:";
/// A UUID's letters.
const UUID_LENGTH: usize = uuid::fmt::Hyphenated::LENGTH;

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
#[derive(Debug)]
pub(crate) struct Answers {
    /// Whether the token or its session is. False if nobody asked.
    pub(crate) revoked: Result<bool, RedisDown>,
    /// In the order of the questions; nothing, or an end, where Redis did not count.
    pub(crate) limits: Vec<Option<GcraReply>>,
    /// The queue token's record, if it was asked for and exists.
    pub(crate) queue_token: Result<Option<Vec<u8>>, RedisDown>,
}

/// Redis did not answer this. It was logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RedisDown;

/// The answers, and what they say about Redis.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) answers: Answers,
    /// Whether anything shows that Redis answers, if only that it refuses to count.
    pub(super) any: bool,
    /// Why something was not answered, if Redis, or a part of it, is away.
    pub(super) away: Option<RedisError>,
    /// Why something was not counted, although Redis answers.
    pub(super) refused: Option<RedisError>,
    /// Whether something was written.
    pub(super) counted: bool,
}

impl Questions<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.token.is_none() && self.limits.is_empty() && self.queue_token.is_none()
    }

    /// Asks them as commands: name and arguments, each in parts that belong together.
    pub(super) fn each(&self, gcra: &Script, mut command: impl FnMut(&[&[&[u8]]])) {
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
    pub(super) fn hear<'r>(&self, mut replies: impl Iterator<Item = Result<&'r Value, &'r RedisError>>) -> Heard {
        let mut heard = Heard::default();
        let mut next = || {
            let reply = replies.next().ok_or_else(unexpected)?;
            reply.map_err(RedisError::clone)
        };
        if self.token.is_some() {
            let token = heard.read(next().and_then(number));
            let session = heard.read(next().and_then(number));
            heard.answers.revoked = match (token, session) {
                (Ok(1..), _) | (_, Ok(1..)) => Ok(true),
                (Ok(0), Ok(0)) => Ok(false),
                (Err(RedisDown), _) | (_, Err(RedisDown)) => Err(RedisDown),
            };
        }
        heard.answers.limits.reserve(self.limits.len());
        for _ in self.limits {
            let counted = heard.count(next().and_then(gcra_reply));
            heard.answers.limits.push(counted);
        }
        if self.queue_token.is_some() {
            heard.answers.queue_token = heard.read(next().and_then(record));
        }
        heard
    }
}

impl Answers {
    /// Nothing was asked.
    pub(super) fn to_nothing() -> Self {
        Self {
            revoked: Ok(false),
            limits: Vec::new(),
            queue_token: Ok(None),
        }
    }

    /// Nothing was answered.
    pub(super) fn missing() -> Self {
        Self {
            revoked: Err(RedisDown),
            limits: Vec::new(),
            queue_token: Err(RedisDown),
        }
    }
}

impl Default for Heard {
    fn default() -> Self {
        Self {
            answers: Answers::to_nothing(),
            any: false,
            away: None,
            refused: None,
            counted: false,
        }
    }
}

impl Heard {
    /// Not a single reply came.
    pub(super) fn nothing(error: RedisError) -> Self {
        Self {
            answers: Answers::missing(),
            away: Some(error),
            ..Self::default()
        }
    }

    /// Whether a connection had ended before it was used again.
    pub(super) fn lost_connection(&self) -> bool {
        self.away.as_ref().is_some_and(RedisError::is_connection_dropped)
    }

    /// Whether a Redis has forgotten the script, or never had it.
    pub(super) fn lacks_script(&self) -> bool {
        let kind = self.refused.as_ref().map(RedisError::kind);
        kind == Some(ErrorKind::Server(ServerErrorKind::NoScript))
    }

    /// Whoever cannot be read is away.
    fn read<T>(&mut self, reply: RedisResult<T>) -> Result<T, RedisDown> {
        match reply {
            Ok(reply) => {
                self.any = true;
                Ok(reply)
            }
            Err(error) => {
                self.away.get_or_insert(error);
                Err(RedisDown)
            }
        }
    }

    /// Whoever does not count may be full, or a replica, and can be read all the same.
    fn count(&mut self, reply: RedisResult<GcraReply>) -> Option<GcraReply> {
        match reply {
            Ok(reply) => {
                self.any = true;
                self.counted |= reply.allowed;
                Some(reply)
            }
            Err(error) if is_unavailable(&error) && !refuses_writes(&error) => {
                self.away.get_or_insert(error);
                None
            }
            Err(error) => {
                self.any = true;
                self.refused.get_or_insert(error);
                None
            }
        }
    }
}

fn number(reply: &Value) -> RedisResult<u64> {
    match reply {
        Value::Int(number) => u64::try_from(*number).map_err(|_| unexpected()),
        reply => Err(error(reply)),
    }
}

fn gcra_reply(reply: &Value) -> RedisResult<GcraReply> {
    let Value::Array(numbers) = reply else {
        return Err(error(reply));
    };
    let [allowed, remaining, reset_micros, wait_micros] = &numbers[..] else {
        return Err(unexpected());
    };
    Ok(GcraReply {
        allowed: number(allowed)? == 1,
        remaining: u32::try_from(number(remaining)?).map_err(|_| unexpected())?,
        reset_micros: number(reset_micros)?,
        wait_micros: number(wait_micros)?,
    })
}

fn record(reply: &Value) -> RedisResult<Option<Vec<u8>>> {
    match reply {
        Value::Nil => Ok(None),
        Value::BulkString(record) => Ok(Some(record.clone())),
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
