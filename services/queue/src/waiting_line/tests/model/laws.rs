//! What holds after every step, whatever the model thinks: asked of what lies in Redis.

use super::admission::{Order, Ticked};
use super::state::{State, TWO_48, User};
use std::collections::{BTreeMap, BTreeSet};

/// What was seen so far.
#[derive(Default)]
pub(super) struct Laws {
    /// Scores handed out since Redis last lost its memory; before, they were handed out by another memory.
    scores: BTreeSet<i64>,
    /// Whose each token is, and of which grant.
    tokens: BTreeMap<String, (User, String)>,
    /// For each tick since the bucket was made: how many more might have been admitted in the windows that end there.
    spare: Vec<f64>,
}

impl Laws {
    /// Redis lost its memory.
    pub(super) fn lost(&mut self) {
        self.scores.clear();
        self.spare.clear();
    }

    /// A place was added at the end of the line.
    pub(super) fn handed_out(&mut self, score: i64) -> Result<(), String> {
        if self.scores.last().is_some_and(|last| *last >= score) {
            return Err(format!("score {score} is not behind the last one"));
        }
        self.scores.insert(score);
        Ok(())
    }

    /// A tick was made: `before` it and `after` it.
    pub(super) fn ticked(
        &mut self,
        order: &Order,
        ticked: Ticked,
        before: &State,
        after: &State,
    ) -> Result<(), String> {
        let admitted: Vec<i64> = after
            .grants
            .iter()
            .filter(|(user, grant)| before.grants.get(user) != Some(grant))
            .map(|(_, grant)| grant.score)
            .collect();
        let first = after.line.values().min();
        if let (Some(last), Some(first)) = (admitted.iter().max(), first)
            && first < last
        {
            return Err(format!("{first} was overtaken by {last}"));
        }
        let active = after.active.len() as i64;
        if !admitted.is_empty() && (active > order.cap || active > order.unsold) {
            return Err(format!("{active} active, cap {}, unsold {}", order.cap, order.unsold));
        }
        if order.paused && !admitted.is_empty() {
            return Err("admitted in a pause".to_owned());
        }
        // In any window of ticks no more than the rate makes in its time and the bucket held at its beginning.
        if ticked.fresh {
            self.spare.clear();
        }
        let made = ticked.elapsed as f64 * f64::from(order.rate) / 1e6;
        for spare in &mut self.spare {
            *spare += made - ticked.admitted as f64;
        }
        self.spare.push(order.burst - ticked.admitted as f64);
        match self.spare.iter().find(|spare| **spare < -1e-6) {
            Some(spare) => Err(format!("{} more admitted than the bucket can have had", -spare)),
            None => Ok(()),
        }
    }

    /// What tells of the past ends by itself, and no place does.
    pub(super) fn ends(&mut self, ends: &BTreeMap<&str, i64>, state: &State) -> Result<(), String> {
        let kept_for_ever = !state.gone.is_empty() && !ends.contains_key("gone");
        let kept_after_closing = state.control.contains_key("closed") && !ends.contains_key("control");
        let ending = ["line", "beats", "grants", "active", "returned"]
            .iter()
            .find(|name| ends.contains_key(*name));
        if kept_for_ever || kept_after_closing || ending.is_some() {
            return Err(format!("keys end after {ends:?}"));
        }
        Ok(())
    }

    /// Anything was done.
    pub(super) fn hold(&mut self, state: &State) -> Result<(), String> {
        if let Some(user) = state.line.keys().find(|user| state.grants.contains_key(user)) {
            return Err(format!("u{user} has a place and a grant"));
        }
        let scores: BTreeSet<i64> = state.line.values().map(|score| score % TWO_48).collect();
        if scores.len() != state.line.len() {
            return Err("two places of one score".to_owned());
        }
        if let Some(score) = scores.iter().find(|score| !state.beats.contains_key(score)) {
            return Err(format!("the place {score} has no heartbeat"));
        }
        let ends: BTreeMap<User, i64> = state
            .grants
            .iter()
            .map(|(user, grant)| (*user, grant.expires))
            .collect();
        if ends != state.active {
            return Err(format!("grants end at {ends:?}, places at {:?}", state.active));
        }
        let somewhere = |user: &User| state.line.contains_key(user) || state.grants.contains_key(user);
        if let Some(user) = state.returned.iter().find(|user| !somewhere(user)) {
            return Err(format!("u{user} counts as returned and is nowhere"));
        }
        for (user, grant) in &state.grants {
            let owner = (*user, grant.id.clone());
            let known = self.tokens.entry(grant.token.clone()).or_insert_with(|| owner.clone());
            if *known != owner {
                return Err(format!("{} is the token of {known:?} and of {owner:?}", grant.token));
            }
        }
        Ok(())
    }
}
