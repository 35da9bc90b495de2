//! What the line must do when somebody comes, asks, goes, or is spoken of.

use super::state::{Grant, Reason, Said, State, TWO_48, User, said};
use std::collections::BTreeMap;

/// So long it is remembered why somebody is gone, in seconds.
const REMEMBERED: i64 = 600;

pub(super) fn second(micros: i64) -> i64 {
    micros.div_euclid(1_000_000)
}

pub(super) fn millis(micros: i64) -> i64 {
    micros.div_euclid(1000)
}

/// A place as its owner's ticket proves it.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub(super) score: i64,
    pub(super) grant: Option<Grant>,
}

/// What the model says a line does. `now` is in microseconds, `session` in milliseconds.
impl State {
    pub(super) fn waits(&mut self, user: User, score: i64, second: i64) {
        self.line.insert(user, score);
        self.beats.insert(score % TWO_48, second);
    }

    pub(super) fn leaves_line(&mut self, user: User) {
        if let Some(score) = self.line.remove(&user) {
            self.beats.remove(&(score % TWO_48));
        }
    }

    pub(super) fn grant_to(&mut self, user: User, grant: Grant) {
        self.active.insert(user, grant.expires);
        self.grants.insert(user, grant);
    }

    pub(super) fn end_grant(&mut self, user: User) -> Option<Grant> {
        self.active.remove(&user);
        self.returned.remove(&user);
        self.grants.remove(&user)
    }

    pub(super) fn remember(&mut self, user: User, reason: Reason, now: i64) {
        self.gone.insert(user, (second(now), reason));
    }

    fn reason(&self, user: User, now: i64) -> &'static str {
        let recent = |at: i64| at + REMEMBERED > second(now);
        match self.gone.get(&user) {
            Some((at, reason)) if recent(*at) => match reason {
                Reason::Evicted => "EVICTED",
                Reason::Expired => "EXPIRED",
                Reason::Left => "LEFT",
            },
            _ if self.integer("closed").is_some_and(recent) => "CLOSED",
            _ => "",
        }
    }

    /// Forgets reasons that are too old.
    pub(super) fn forget_reasons(&mut self, now: i64) {
        self.gone.retain(|_, (at, _)| *at + REMEMBERED >= second(now));
    }

    pub(super) fn measured(&self) -> Said {
        match self.integer("measured") {
            None | Some(-1) => "".into(),
            Some(measured) => measured.to_string().into(),
        }
    }

    fn stand(&mut self, user: User, now: i64, session: i64) -> Option<Said> {
        if let Some(score) = self.line.get(&user).copied() {
            self.beats.insert(score % TWO_48, second(now));
            self.count("beats", 1);
            let ahead = self.line.values().filter(|other| **other < score).count();
            return Some(said![
                "WAITING",
                score,
                ahead + 1,
                self.line.len(),
                self.measured(),
                now
            ]);
        }
        let mut grant = self.grants.get(&user)?.clone();
        if !grant.active {
            grant.active = true;
            grant.expires = millis(now) + session;
            self.grant_to(user, grant.clone());
            self.returned.remove(&user);
        } else if grant.expires <= millis(now) {
            self.end_grant(user);
            self.remember(user, Reason::Expired, now);
            self.count("expired", 1);
            return None;
        }
        let Grant {
            id,
            token,
            score,
            expires,
            ..
        } = grant;
        Some(said!["ADMITTED", score, id, token, expires, self.line.len(), now])
    }

    fn absent(&self, user: User, now: i64) -> Said {
        said!["ABSENT", self.reason(user, now), now]
    }

    /// Users who come together, in this order.
    pub(super) fn enter(
        &mut self,
        users: &[User],
        now: i64,
        capacity: usize,
        sale: (i64, i64),
        session: i64,
    ) -> Vec<Said> {
        let standings: Vec<_> = users.iter().map(|user| self.stand(*user, now, session)).collect();
        let mut came: BTreeMap<User, Said> = BTreeMap::new();
        let reply = |(user, standing): (&User, Option<Said>)| {
            if let Some(standing) = standing.or_else(|| came.get(user).cloned()) {
                return standing;
            }
            let told = self.join(*user, now, capacity, sale);
            if self.line.contains_key(user) {
                came.insert(*user, told.clone());
            }
            told
        };
        users.iter().zip(standings).map(reply).collect()
    }

    fn join(&mut self, user: User, now: i64, capacity: usize, sale: (i64, i64)) -> Said {
        if now < sale.0 {
            return said!["NOT_OPEN", now];
        }
        if now >= sale.1 {
            return said!["CLOSED", now];
        }
        if self.line.len() >= capacity {
            return said!["FULL", now];
        }
        let score = now.max(self.integer("last").map_or(0, |last| last + 1));
        self.set("last", score as f64);
        self.control.remove("closed");
        self.waits(user, score, second(now));
        self.gone.remove(&user);
        self.count("beats", 1);
        said!["WAITING", score, self.line.len(), self.line.len(), self.measured(), now]
    }

    pub(super) fn poll(&mut self, users: &[User], now: i64, session: i64) -> Vec<Said> {
        let reply = |user: &User| {
            self.stand(*user, now, session)
                .unwrap_or_else(|| self.absent(*user, now))
        };
        users.iter().map(reply).collect()
    }

    pub(super) fn is_present(&self, user: User, now: i64) -> bool {
        let granted = self.grants.get(&user);
        self.line.contains_key(&user) || granted.is_some_and(|grant| !grant.active || grant.expires > millis(now))
    }

    pub(super) fn leave(&mut self, user: User, now: i64) -> Said {
        let waited = self.line.contains_key(&user);
        self.leaves_line(user);
        let grant = self.end_grant(user);
        if !waited && grant.is_none() {
            return said![0_i64, ""];
        }
        self.remember(user, Reason::Left, now);
        self.count("left", 1);
        said![1_i64, grant.map_or_else(String::new, |grant| grant.token)]
    }

    /// `cap`: how many may be in; nothing if whoever was in is in. `at_the_end`: the place that was given without the ticket.
    pub(super) fn restore(
        &mut self,
        user: User,
        ticket: &Ticket,
        at_the_end: Option<i64>,
        cap: Option<usize>,
        now: i64,
        session: i64,
    ) -> Said {
        let score = ticket.score;
        let is_over = |proven: &Grant| proven.expires <= millis(now);
        if let (Some(proven), Some(counted)) = (&ticket.grant, self.grants.get(&user))
            && proven.id == counted.id
        {
            let grant = Grant {
                token: proven.token.clone(),
                score,
                expires: counted.expires.max(proven.expires),
                ..counted.clone()
            };
            self.grant_to(user, grant);
        }
        let active = |proven: &Grant| Grant {
            score,
            active: true,
            seen: second(now),
            ..proven.clone()
        };
        // What Redis forgot is the admission alone. The heartbeat stays until a sweep finds it.
        if let Some(proven) = &ticket.grant
            && cap.is_none()
            && !is_over(proven)
            && self.line.get(&user) == Some(&score)
        {
            self.line.remove(&user);
            self.grant_to(user, active(proven));
        }
        let was_put_there = at_the_end.is_some() && self.line.get(&user).copied() == at_the_end;
        let proves = !ticket.grant.as_ref().is_some_and(is_over) && at_the_end.is_some_and(|at| score < at);
        if was_put_there && proves && self.reason(user, now).is_empty() {
            self.line.remove(&user);
        }
        if let Some(standing) = self.stand(user, now, session) {
            return standing;
        }
        if !self.reason(user, now).is_empty() {
            return self.absent(user, now);
        }
        if ticket.grant.as_ref().is_some_and(is_over) {
            return said!["ABSENT", "EXPIRED", now];
        }
        if score > self.integer("last").unwrap_or_default() {
            self.set("last", score as f64);
        }
        match &ticket.grant {
            Some(proven) if cap.is_none_or(|cap| self.grants.len() < cap) => self.grant_to(user, active(proven)),
            _ => self.waits(user, score, second(now)),
        }
        self.stand(user, now, session).unwrap()
    }

    pub(super) fn count_in(&mut self, user: User, id: &str, token: &str, expires: i64, now: i64) -> Said {
        if self.grants.contains_key(&user) {
            return 1_i64.into();
        }
        if !self.reason(user, now).is_empty() || expires <= millis(now) {
            return 0_i64.into();
        }
        // The heartbeat stays until a sweep finds it.
        self.line.remove(&user);
        let grant = Grant {
            id: id.to_owned(),
            token: token.to_owned(),
            score: now,
            active: true,
            expires,
            seen: second(now),
        };
        self.grant_to(user, grant);
        1_i64.into()
    }

    pub(super) fn release(&mut self, user: User, id: &str) -> Said {
        self.count("sales", 1);
        if self.grants.get(&user).is_some_and(|grant| grant.id == id) {
            return self.end_grant(user).unwrap().token.into();
        }
        "".into()
    }

    fn good(&self, user: User, now: i64) -> Option<&Grant> {
        self.grants
            .get(&user)
            .filter(|grant| grant.active && grant.expires > millis(now))
    }

    pub(super) fn validate(&self, user: User, token: &str, now: i64) -> Said {
        match self.good(user, now).filter(|grant| grant.token == token) {
            Some(grant) => said![grant.id.clone(), grant.expires],
            None => Said::Nothing,
        }
    }

    pub(super) fn extend(&mut self, user: User, until: i64, now: i64) -> Said {
        let Some(mut grant) = self.good(user, now).cloned() else {
            return Said::Nothing;
        };
        grant.expires = grant.expires.max(until);
        self.grant_to(user, grant.clone());
        said![grant.token, grant.expires, grant.expires - millis(now)]
    }

    /// The tokens that end come in any order.
    pub(super) fn close(&mut self, now: i64) -> Vec<String> {
        let tokens = self.grants.values().map(|grant| grant.token.clone()).collect();
        let kept = std::mem::take(self);
        let Self { gone, mut control, .. } = kept;
        if !kept.line.is_empty() || !kept.grants.is_empty() {
            control.insert("closed".to_owned(), second(now) as f64);
        }
        for field in ["tokens", "ticked", "busy", "measured"] {
            control.remove(field);
        }
        *self = Self {
            gone,
            control,
            ..Self::default()
        };
        tokens
    }

    pub(super) fn stats(&self, now: i64) -> Said {
        let counted = |field| self.integer(field).unwrap_or_default();
        said![
            self.line.len(),
            self.grants.len(),
            counted("admitted"),
            counted("expired"),
            counted("left"),
            counted("evicted"),
            self.measured(),
            self.line.values().copied().min().unwrap_or_default(),
            now,
        ]
    }
}
