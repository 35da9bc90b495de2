//! What an attacker may send, request by request (`design.md` §11): each check has a name, the bytes that go in at the
//! gateway's door, and what must come out and come through. One test per family runs all of its checks and reports every
//! one that failed.
//!
//! In a request, `$` stands for a word that is the check's own: by it the services' stand-in tells whose request it got,
//! also if it is one that was smuggled in.

mod cross_origin;
mod framing;
mod heads;
mod identity;
mod jwt;
mod logs;
mod paths;
mod queue_tokens;
mod replies;

use crate::{
    helpers::{Person, Recorded, World},
    wire::{self, WireReply},
};
use common::crypto;
use futures_util::{StreamExt, stream};
use std::collections::BTreeSet;

/// So many checks talk to the gateway at once.
const AT_ONCE: usize = 16;

/// A gateway with accounts, for the checks of a family.
struct Stage {
    world: World,
    buyer: Person,
    other: Person,
    admin: Person,
}

impl Stage {
    /// Without limits in reach: thousands of attempts come from one address here.
    async fn with(settings: &[(&str, &str)]) -> Self {
        let mut all = vec![
            ("RATE_LIMIT_PROFILE", "loadtest"),
            ("HEADER_READ_TIMEOUT_SECONDS", "3"),
            ("IDLE_TIMEOUT_SECONDS", "3"),
            ("UPSTREAM_TIMEOUT_SECONDS", "3"),
        ];
        all.extend_from_slice(settings);
        let world = World::with(&all).await;
        world.upstream.answer_with(replies::as_asked);
        let (buyer, other, admin) = (world.somebody(), world.somebody(), world.admin());
        let ended = world.somebody();
        world
            .redis
            .set(
                &format!("token:blacklist:{}", crypto::sha256_hex(ended.token.as_bytes())),
                "1",
            )
            .await;
        queue_tokens::issue_all(&world, &buyer, &other).await;
        Self {
            world,
            buyer,
            other,
            admin,
        }
    }
}

/// What must hold of a reply or of a request that came through.
type Judge<T> = Box<dyn Fn(&T) -> bool + Send + Sync>;

/// One named check.
struct Check {
    name: &'static str,
    request: Vec<u8>,
    /// Of all replies, in order.
    statuses: Vec<u16>,
    /// The last reply's code, if it has to have one.
    code: Option<&'static str>,
    /// How many requests must reach a service; `None` if that is not the point.
    came_through: Option<usize>,
    /// What must hold of the last reply.
    reply: Option<Judge<WireReply>>,
    /// What must hold of each request that reached a service.
    upstream: Option<Judge<Recorded>>,
}

impl Check {
    fn new(name: &'static str, request: impl AsRef<[u8]>, statuses: &[u16]) -> Self {
        Self {
            name,
            request: request.as_ref().to_vec(),
            statuses: statuses.to_vec(),
            code: None,
            came_through: None,
            reply: None,
            upstream: None,
        }
    }

    /// The only reply has this status, the gateway closes, and no service hears of it.
    fn refused(name: &'static str, request: impl AsRef<[u8]>, status: u16) -> Self {
        Self::new(name, request, &[status]).through(0)
    }

    /// As [`Check::refused`], by a problem with this code.
    fn problem(name: &'static str, request: impl AsRef<[u8]>, status: u16, code: &'static str) -> Self {
        let mut check = Self::refused(name, request, status);
        check.code = Some(code);
        check
    }

    /// It is answered by 200 and reaches a service once.
    fn passes(name: &'static str, request: impl AsRef<[u8]>) -> Self {
        Self::new(name, request, &[200]).through(1)
    }

    fn through(mut self, requests: usize) -> Self {
        self.came_through = Some(requests);
        self
    }

    fn through_any(mut self) -> Self {
        self.came_through = None;
        self
    }

    fn reply(mut self, judge: impl Fn(&WireReply) -> bool + Send + Sync + 'static) -> Self {
        self.reply = Some(Box::new(judge));
        self
    }

    fn upstream(mut self, judge: impl Fn(&Recorded) -> bool + Send + Sync + 'static) -> Self {
        self.upstream = Some(Box::new(judge));
        self
    }

    /// What went wrong, if anything.
    async fn run(&self, world: &World, word: &str) -> Option<String> {
        let request = replace(&self.request, word);
        let replies = match wire::exchange(world.gateway.address(), &request).await {
            Ok(replies) => replies,
            Err(error) => return Some(error),
        };
        let got: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
        if got != self.statuses {
            return Some(format!("{got:?} instead of {:?}: {replies:?}", self.statuses));
        }
        if let Some(bare) = replies
            .iter()
            .find(|reply| !is_told(reply, self.request.starts_with(b"HEAD ")))
        {
            return Some(format!("a refusal that does not say why: {bare:?}"));
        }
        if let (Some(code), Some(last)) = (self.code, replies.last())
            && last.code() != code
        {
            return Some(format!("not {code}: {last:?}"));
        }
        if let (Some(judge), Some(last)) = (&self.reply, replies.last())
            && !judge(last)
        {
            return Some(format!("not the reply that was wanted: {last:?}"));
        }
        let is_own = |got: &Recorded| {
            got.target.contains(word) || got.header("x-request-id").is_some_and(|id| id.contains(word))
        };
        let came: Vec<Recorded> = world.upstream.requests().into_iter().filter(is_own).collect();
        if self.came_through.is_some_and(|wanted| wanted != came.len()) {
            return Some(format!("{} came through: {came:?}", came.len()));
        }
        let judge = self.upstream.as_ref()?;
        let bad = came.iter().find(|got| !judge(got))?;
        Some(format!("came through as {bad:?}"))
    }
}

/// Who sends what cannot be read is told so, by a problem with the request's id, whatever part of the gateway found out.
fn is_told(reply: &WireReply, without_body: bool) -> bool {
    let problem: serde_json::Value = serde_json::from_str(&reply.body).unwrap_or_default();
    let is_problem = reply.header("content-type") == "application/problem+json"
        && problem["status"] == reply.status
        && problem["requestId"] == reply.header("x-request-id");
    match reply.status {
        400 => without_body || is_problem,
        431 => is_problem && reply.code() == "HEAD_TOO_LARGE",
        _ => true,
    }
}

/// The request with the check's own word in it.
fn replace(request: &[u8], word: &str) -> Vec<u8> {
    let parts: Vec<&[u8]> = request.split(|byte| *byte == b'$').collect();
    parts.join(word.as_bytes())
}

/// Runs all checks on one gateway; fails with the list of those that failed.
async fn run(stage: &Stage, checks: Vec<Check>) {
    let count = checks.len();
    let failed: Vec<String> = stream::iter(checks.into_iter().enumerate())
        .map(|(number, check)| async move {
            let why = check.run(&stage.world, &format!("w{number}w")).await;
            why.map(|why| format!("{}: {why}", check.name))
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert!(
        failed.is_empty(),
        "{} of {count} checks failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

/// A GET of this target by nobody, with more header lines, which end with CR LF each.
fn get(target: &str, headers: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n")
}

#[tokio::test]
async fn there_are_at_least_150_checks_and_each_has_its_name() {
    let stage = Stage::with(&[]).await;
    let families = [
        cross_origin::checks(),
        framing::checks(),
        heads::checks(),
        identity::checks(&stage),
        identity::checks_behind_a_proxy(),
        jwt::checks(&stage),
        paths::checks(&stage),
        queue_tokens::checks(&stage),
        replies::checks(&stage),
        logs::checks(&stage),
    ];
    let names: Vec<&str> = families.iter().flatten().map(|check| check.name).collect();
    let mut seen = BTreeSet::new();
    let twice: Vec<_> = names.iter().filter(|name| !seen.insert(**name)).collect();
    assert!(twice.is_empty(), "names that stand for two checks: {twice:?}");
    assert!(names.len() >= 150, "there are only {}", names.len());
}
