//! Rate limits (`design.md` §4): a generic cell rate algorithm on Redis' clock, so that replicas count together; while Redis
//! does not count a limit, each process counts its share of it by itself. Both the user's and the address' limit bind where the table has both.

use crate::{
    redis_state::{GcraReply, LimitCheck},
    refusal::Refusal,
    reply_fields::ReplyFields,
    route_table::{LimitClass, Quota, QuotaFields, Subject},
};
use common::problem::{Code, Problem};
use std::{net::IpAddr, sync::Arc, time::Duration};
use uuid::Uuid;

/// Where a request stands with its tightest limit.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    quota: Arc<QuotaFields>,
    remaining: u32,
    /// Until all of the limit is there again.
    reset: Duration,
    /// Until another request is let through, if this one is not.
    refused: Option<Duration>,
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

/// Where the request stands with the tightest of them: by what Redis counted, and by this process' count where it did not.
pub(crate) fn standing(checks: &[LimitCheck<'_>], counted: &[Option<GcraReply>]) -> Option<Standing> {
    let standings = checks
        .iter()
        .enumerate()
        .map(|(index, check)| match counted.get(index) {
            Some(Some(reply)) => Standing::counted(check, *reply),
            Some(None) | None => Standing::counted_here(check),
        });
    // A refusal is tighter than anything, and of two the longer one; else who has fewer requests left.
    standings.min_by_key(|standing| (std::cmp::Reverse(standing.refused), standing.remaining))
}

impl Standing {
    fn counted(check: &LimitCheck<'_>, reply: GcraReply) -> Self {
        let micros = Duration::from_micros;
        let refused = (!reply.allowed).then(|| micros(reply.wait_micros));
        Self::new(check.quota, reply.remaining, micros(reply.reset_micros), refused)
    }

    fn counted_here(check: &LimitCheck<'_>) -> Self {
        let interval = Duration::from_micros(check.quota.interval_micros());
        match check.quota.fallback().check(check.subject) {
            Ok(remaining) => {
                let used = check.quota.per_minute().saturating_sub(remaining);
                Self::new(check.quota, remaining, interval * used, None)
            }
            Err(wait) => Self::new(check.quota, 0, interval * check.quota.per_minute(), Some(wait)),
        }
    }

    fn new(quota: &Quota, remaining: u32, reset: Duration, refused: Option<Duration>) -> Self {
        Self {
            quota: Arc::clone(quota.fields()),
            remaining,
            reset,
            refused,
        }
    }

    /// Whether the request may go on.
    ///
    /// # Errors
    /// 429 with `Retry-After`.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        match self.refused {
            None => Ok(()),
            Some(wait) => {
                Err(Refusal::from(Problem::new(Code::RateLimited).retry_after(wait)).because(self.quota.name()))
            }
        }
    }

    /// Tells the client: the fields that clients know, and those of the coming standard.
    pub(crate) fn tell(&self, reply: &mut ReplyFields) {
        let reset = self.reset.as_secs() + u64::from(self.reset.subsec_nanos() > 0);
        let (mut remaining_text, mut reset_text) = (itoa::Buffer::new(), itoa::Buffer::new());
        let remaining = remaining_text.format(self.remaining).as_bytes();
        let reset = reset_text.format(reset).as_bytes();
        let limit = self.quota.limit().as_bytes();
        reply.add("ratelimit-limit", &[limit]);
        reply.add("ratelimit-remaining", &[remaining]);
        reply.add("ratelimit-reset", &[reset]);
        let name = self.quota.name().as_bytes();
        reply.add(
            "ratelimit-policy",
            &[b"\"", name, b"\";q=", limit, b";w=", self.quota.window().as_bytes()],
        );
        reply.add("ratelimit", &[b"\"", name, b"\";r=", remaining, b";t=", reset]);
    }
}
