//! One queue per user. The user's claim names the event he queues for. It lies in another slot than the place, so neither can
//! be changed together with the other; this is how they still agree:
//!
//! - A place is only kept if the claim named its event after the place was added ([`WaitingLine::confirm`]).
//! - A claim leaves an event only by way of a mark: it becomes `<event>><nonce>`, then the event is looked at, and only if
//!   nobody is there and the mark is still this one, the claim goes on to the other event, or away. Confirming takes the
//!   mark off.
//!
//! So after a place was confirmed, every later mark is followed by a look that finds it, and an earlier mark is gone. Of any
//! number of racing requests of one user at most one ends with a place, and a process that dies half-way leaves a claim
//! that names an event without a place, which binds nobody.

use super::{
    WaitingLine, keys,
    queueing::millis,
    scripts::{EXTEND_CLAIM, SWAP_CLAIM},
};
use redis::{RedisResult, cmd};
use std::time::Duration;
use uuid::Uuid;

/// More requests of one user at once than this end with a refusal for some of them.
const ATTEMPTS: u32 = 8;
/// Between the event and the nonce of a claim that may move.
const MARK: char = '>';

/// Whether the user is free for an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claimed {
    /// The claim names this event.
    Here,
    /// The user has a place for another event.
    Elsewhere(Uuid),
    /// Too many requests of this user pull the claim to and fro.
    Contended,
}

/// A claim as it was read.
struct Claim {
    text: String,
    /// `None`: the text is not ours and names nothing.
    event: Option<Uuid>,
}

impl Claim {
    fn parse(text: String) -> Self {
        let event = text.split(MARK).next().and_then(|event| Uuid::parse_str(event).ok());
        Self { text, event }
    }

    fn is_marked(&self) -> bool {
        self.text.contains(MARK)
    }
}

impl WaitingLine {
    /// Makes the user's claim name `event`, unless he really has a place elsewhere.
    pub(crate) async fn claim(&self, user: Uuid, event: Uuid, life: Duration) -> RedisResult<Claimed> {
        for _ in 0..ATTEMPTS {
            let Some(claim) = self.claim_if_free(user, event, life).await? else {
                return Ok(Claimed::Here);
            };
            if claim.event == Some(event) {
                return Ok(Claimed::Here);
            }
            if let Some(other) = claim.event {
                if self.is_present(other, user).await? {
                    return Ok(Claimed::Elsewhere(other));
                }
                let marked = mark(other);
                if !self.swap_claim(user, &claim.text, &marked, life).await? {
                    continue;
                }
                // Whoever entered there between our two looks was first.
                if self.is_present(other, user).await? {
                    self.swap_claim(user, &marked, &other.to_string(), life).await?;
                    return Ok(Claimed::Elsewhere(other));
                }
                if self.swap_claim(user, &marked, &event.to_string(), life).await? {
                    return Ok(Claimed::Here);
                }
            } else if self.swap_claim(user, &claim.text, &event.to_string(), life).await? {
                return Ok(Claimed::Here);
            }
        }
        Ok(Claimed::Contended)
    }

    /// Makes sure that the claim names `event` now that a place was added there. If it does not, the place must go.
    pub(crate) async fn confirm(&self, user: Uuid, event: Uuid, life: Duration) -> RedisResult<Claimed> {
        for _ in 0..ATTEMPTS {
            let claim = match self.read_claim(user).await? {
                Some(claim) => Some(claim),
                // It ended meanwhile, by age or by a leave in another tab; the place is there, so it is claimed anew.
                None => self.claim_if_free(user, event, life).await?,
            };
            let Some(claim) = claim else { return Ok(Claimed::Here) };
            match claim.event {
                Some(named) if named != event => return Ok(Claimed::Elsewhere(named)),
                Some(_) if !claim.is_marked() => return Ok(Claimed::Here),
                _ if self.swap_claim(user, &claim.text, &event.to_string(), life).await? => return Ok(Claimed::Here),
                _ => {}
            }
        }
        Ok(Claimed::Contended)
    }

    /// Ends the claim if it names `event` and the user has no place there.
    pub(crate) async fn unclaim(&self, user: Uuid, event: Uuid, life: Duration) -> RedisResult<()> {
        let Some(claim) = self.read_claim(user).await?.filter(|claim| claim.event == Some(event)) else {
            return Ok(());
        };
        let marked = mark(event);
        if !self.swap_claim(user, &claim.text, &marked, life).await? {
            // Somebody else works on it, who will find out as we would have.
            return Ok(());
        }
        let present = self.is_present(event, user).await?;
        let rest = if present { event.to_string() } else { String::new() };
        self.swap_claim(user, &marked, &rest, life).await?;
        Ok(())
    }

    /// The event the user's claim names.
    pub(crate) async fn claimed_event(&self, user: Uuid) -> RedisResult<Option<Uuid>> {
        Ok(self.read_claim(user).await?.and_then(|claim| claim.event))
    }

    /// Lets the claim live on if it names this event.
    pub(crate) async fn extend_claim(&self, user: Uuid, event: Uuid, life: Duration) -> RedisResult<bool> {
        EXTEND_CLAIM
            .key(keys::claim(user))
            .arg(event.to_string())
            .arg(millis(life))
            .invoke_async(&mut self.connection())
            .await
    }

    /// Remembers for a while which event the user left, for polls that do not name one.
    pub(crate) async fn remember_left(&self, user: Uuid, event: Uuid, life: Duration) -> RedisResult<()> {
        cmd("SET")
            .arg(keys::left(user))
            .arg(event.to_string())
            .arg("PX")
            .arg(millis(life))
            .query_async(&mut self.connection())
            .await
    }

    /// The event the user left last.
    pub(crate) async fn left_event(&self, user: Uuid) -> RedisResult<Option<Uuid>> {
        let event: Option<String> = cmd("GET")
            .arg(keys::left(user))
            .query_async(&mut self.connection())
            .await?;
        Ok(event.and_then(|text| Uuid::parse_str(&text).ok()))
    }

    async fn read_claim(&self, user: Uuid) -> RedisResult<Option<Claim>> {
        let text: Option<String> = cmd("GET")
            .arg(keys::claim(user))
            .query_async(&mut self.connection())
            .await?;
        Ok(text.map(Claim::parse))
    }

    /// Claims the user if he has no claim, else returns the one he has.
    async fn claim_if_free(&self, user: Uuid, event: Uuid, life: Duration) -> RedisResult<Option<Claim>> {
        let had: Option<String> = cmd("SET")
            .arg(keys::claim(user))
            .arg(event.to_string())
            .arg("NX")
            .arg("GET")
            .arg("PX")
            .arg(millis(life))
            .query_async(&mut self.connection())
            .await?;
        Ok(had.map(Claim::parse))
    }

    async fn swap_claim(&self, user: Uuid, read: &str, new: &str, life: Duration) -> RedisResult<bool> {
        SWAP_CLAIM
            .key(keys::claim(user))
            .arg(read)
            .arg(new)
            .arg(millis(life))
            .invoke_async(&mut self.connection())
            .await
    }
}

fn mark(event: Uuid) -> String {
    format!("{event}{MARK}{}", Uuid::now_v7())
}
