//! Rate limits (`design.md` §4): a generic cell rate algorithm on Redis' clock, so that replicas count together; while Redis
//! is down, each process counts its share by itself. Both the user's and the address' limit bind where the table has both.

use crate::{
    redis_state::{GcraReply, LimitCheck},
    refusal::Refusal,
    route_table::{LimitClass, Quota, Subject},
};
use common::problem::{Code, Problem};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::{net::IpAddr, time::Duration};
use uuid::Uuid;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Where a request stands with its tightest limit.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    limit: u32,
    remaining: u32,
    /// Until all of the limit is there again.
    reset: Duration,
    /// Until another request is let through, if this one is not.
    refused: Option<Duration>,
    policy: Option<HeaderValue>,
    name: String,
}

/// The limits that bind a request, at most one per subject.
pub(crate) fn binding<'a>(
    class: &'a LimitClass,
    user: Option<Uuid>,
    address: Option<IpAddr>,
) -> impl Iterator<Item = LimitCheck<'a>> {
    let of_user = class.per_user().zip(user.map(Subject::User));
    let of_address = class.per_ip().zip(address.map(Subject::of_address));
    of_user
        .into_iter()
        .chain(of_address)
        .map(|(quota, subject)| LimitCheck { quota, subject })
}

/// The tightest of what Redis counted.
pub(crate) fn from_redis(checks: &[LimitCheck<'_>], replies: &[GcraReply]) -> Option<Standing> {
    tightest(checks.iter().zip(replies).map(|(check, reply)| {
        let micros = Duration::from_micros;
        let refused = (!reply.allowed).then(|| micros(reply.wait_micros));
        Standing::new(check.quota, reply.remaining, micros(reply.reset_micros), refused)
    }))
}

/// Counts in this process instead.
pub(crate) fn without_redis(checks: &[LimitCheck<'_>]) -> Option<Standing> {
    tightest(checks.iter().map(|check| {
        let interval = Duration::from_micros(check.quota.interval_micros());
        match check.quota.fallback().check(check.subject) {
            Ok(remaining) => {
                let used = check.quota.per_minute().saturating_sub(remaining);
                Standing::new(check.quota, remaining, interval * used, None)
            }
            Err(wait) => Standing::new(check.quota, 0, interval * check.quota.per_minute(), Some(wait)),
        }
    }))
}

/// A refusal is tighter than anything, and of two the longer one; else who has fewer requests left.
fn tightest(standings: impl Iterator<Item = Standing>) -> Option<Standing> {
    standings.min_by_key(|standing| (std::cmp::Reverse(standing.refused), standing.remaining))
}

impl Standing {
    fn new(quota: &Quota, remaining: u32, reset: Duration, refused: Option<Duration>) -> Self {
        Self {
            limit: quota.per_minute(),
            remaining,
            reset,
            refused,
            policy: quota.policy().cloned(),
            name: quota.name().to_owned(),
        }
    }

    /// Whether the request may go on.
    ///
    /// # Errors
    /// 429 with `Retry-After`.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        match self.refused {
            None => Ok(()),
            Some(wait) => Err(Refusal::from(Problem::new(Code::RateLimited).retry_after(wait)).because(&self.name)),
        }
    }

    /// Tells the client: the fields that clients know, and those of the coming standard.
    pub(crate) fn apply(self, reply: &mut HeaderMap) {
        let reset = self.reset.as_secs() + u64::from(self.reset.subsec_nanos() > 0);
        reply.insert(LIMIT, self.limit.into());
        reply.insert(REMAINING, self.remaining.into());
        reply.insert(RESET, reset.into());
        if let Some(policy) = self.policy {
            reply.insert(POLICY, policy);
        }
        let current = format!("\"{}\";r={};t={reset}", self.name, self.remaining);
        if let Ok(value) = HeaderValue::from_str(&current) {
            reply.insert(RATE_LIMIT, value);
        }
    }
}
