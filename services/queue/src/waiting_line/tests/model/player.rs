//! Plays a history to the scripts and to the model, and compares.

use super::{
    admission::Order,
    histories::{Deed, History, Sale, USERS, Which},
    laws::Laws,
    people::{Ticket, millis},
    scripts::{Fault, Scripts},
    state::{Grant, Said, State, User, parse, read, said},
};
use crate::waiting_line::keys;
use redis::{Cmd, Connection, Value};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Plays one history after the other on one connection.
pub(super) struct Player {
    redis: Connection,
    scripts: Scripts,
}

impl Player {
    pub(super) fn new(url: &str, fault: Option<Fault>) -> Self {
        let mut redis = redis::Client::open(url).unwrap().get_connection().unwrap();
        let scripts = Scripts::load(&mut redis, fault);
        Self { redis, scripts }
    }

    /// Says which step went wrong, and how.
    pub(super) fn play(&mut self, history: &History) -> Result<(), String> {
        let keys = keys::line(Uuid::now_v7());
        let mut game = Game {
            player: self,
            now: history.begins,
            usual: history.usual.clone(),
            session: history.session,
            model: State::default(),
            laws: Laws::default(),
            tickets: BTreeMap::new(),
            granted: 0,
            keys,
        };
        let result = history.deeds.iter().enumerate().try_for_each(|(step, deed)| {
            game.deed(deed)
                .map_err(|problem| format!("step {step}, {deed:?} at {}: {problem}", game.now))
        });
        game.lose();
        result
    }
}

struct Game<'a> {
    player: &'a mut Player,
    keys: [String; 8],
    now: i64,
    session: i64,
    usual: Order,
    model: State,
    laws: Laws,
    /// What each user was told, the latest last.
    tickets: BTreeMap<User, Vec<Ticket>>,
    /// Grants made so far.
    granted: usize,
}

impl Game<'_> {
    fn deed(&mut self, deed: &Deed) -> Result<(), String> {
        let now = self.now;
        match deed {
            Deed::Pass(micros) => self.now += micros,
            Deed::SetBack(micros) => self.now -= micros,
            Deed::Enter(users, sale, capacity) => return self.enter(users, *sale, *capacity),
            Deed::Poll(users) => return self.poll(users),
            Deed::AllPoll(times) => {
                for user in (0..USERS).cycle().take(usize::from(USERS) * times) {
                    if self.model.is_present(user, self.now) {
                        self.poll(&[user])?;
                    }
                }
            }
            Deed::Peek(user) => {
                let expected = Said::from(i64::from(self.model.is_present(*user, now)));
                return self.check("peek", [name(*user)], &expected);
            }
            Deed::Leave(user) => {
                let expected = self.model.leave(*user, now);
                return self.check("leave", [name(*user)], &expected);
            }
            Deed::Tick(order) => return self.tick(order),
            Deed::Ticks(times) => {
                for _ in 0..*times {
                    self.tick(&self.usual.clone())?;
                    self.now += 1_000_000;
                }
            }
            Deed::Release(user, which) => {
                let Some(grant) = self.grant(*user, *which) else {
                    return Ok(());
                };
                let expected = self.model.release(*user, &grant.id);
                return self.check("release", [name(*user), grant.id], &expected);
            }
            Deed::Extend(user, by) => {
                let until = millis(now) + by;
                let expected = self.model.extend(*user, until, now);
                return self.check("extend", [name(*user), until.to_string()], &expected);
            }
            Deed::Validate(user, which) => {
                let Some(grant) = self.grant(*user, *which) else {
                    return Ok(());
                };
                let expected = self.model.validate(*user, &grant.token, now);
                return self.check("validate", [name(*user), grant.token], &expected);
            }
            Deed::CountIn(user, former, life) => return self.count_in(*user, *former, *life),
            Deed::Restore(user, age, cap, off) => return self.restore(*user, *age, *cap, *off),
            Deed::Close => return self.close(),
            Deed::Stats => {
                let expected = self.model.stats(now);
                return self.check("stats", [], &expected);
            }
            Deed::Snapshot(front, marks) => return self.snapshot(*front, *marks),
            Deed::Lose => self.lose(),
        }
        Ok(())
    }

    fn enter(&mut self, users: &[User], sale: Sale, capacity: usize) -> Result<(), String> {
        let now = self.now;
        let window = match sale {
            Sale::Open => (now, now + 1),
            Sale::Early => (now + 1, now + 2),
            Sale::Over => (now - 1, now),
        };
        let last = self.model.integer("last");
        let expected = self.model.enter(users, now, capacity, window, self.session);
        let [opens, closes] = [window.0, window.1].map(|time| time.to_string());
        let mut arguments = vec![capacity.to_string(), opens, closes, self.session.to_string()];
        arguments.extend(users.iter().copied().map(name));
        self.check("enter", arguments, &Said::List(expected.clone()))?;
        for (score, _) in self.model.in_order() {
            if last.is_none_or(|last| score > last) {
                self.laws.handed_out(score)?;
            }
        }
        self.note(users, &expected);
        Ok(())
    }

    fn poll(&mut self, users: &[User]) -> Result<(), String> {
        let expected = self.model.poll(users, self.now, self.session);
        let mut arguments = vec![self.session.to_string()];
        arguments.extend(users.iter().copied().map(name));
        self.check("poll", arguments, &Said::List(expected.clone()))?;
        self.note(users, &expected);
        Ok(())
    }

    fn count_in(&mut self, user: User, former: Option<usize>, life: i64) -> Result<(), String> {
        let (new_id, token) = self.next_grant();
        let former = former.and_then(|age| self.grant(user, Which::Former(age)));
        let id = former.map_or(new_id, |grant| grant.id);
        let expires = millis(self.now) + life;
        let expected = self.model.count_in(user, &id, &token, expires, self.now);
        self.check("count_in", [name(user), id, token, expires.to_string()], &expected)
    }

    fn restore(&mut self, user: User, age: usize, cap: Option<usize>, off: Option<i64>) -> Result<(), String> {
        let tickets = self.tickets.get(&user).map(Vec::as_slice).unwrap_or_default();
        let Some(ticket) = tickets.iter().rev().nth(age).cloned() else {
            return Ok(());
        };
        // That a score was handed out anew meanwhile takes a loss, a clock that was set back, and the same microsecond.
        let granted = self.model.grants.iter().map(|(other, grant)| (other, grant.score));
        let mut scores = self
            .model
            .line
            .iter()
            .map(|(other, score)| (other, *score))
            .chain(granted);
        if scores.any(|(other, score)| *other != user && score == ticket.score) {
            return Ok(());
        }
        let at_the_end = off.and_then(|off| Some(self.model.line.get(&user)? + off));
        let expected = self
            .model
            .restore(user, &ticket, at_the_end, cap, self.now, self.session);
        let cap = cap.map_or_else(|| "-1".to_owned(), |cap| cap.to_string());
        let scores = [ticket.score, at_the_end.unwrap_or_default()].map(|score| score.to_string());
        let mut arguments = vec![name(user), self.session.to_string()];
        arguments.extend(scores);
        if let Some(grant) = ticket.grant {
            arguments.extend([grant.id, grant.token, grant.expires.to_string(), cap]);
        }
        self.check("restore", arguments, &expected)?;
        self.note(&[user], &[expected]);
        Ok(())
    }

    fn tick(&mut self, order: &Order) -> Result<(), String> {
        let grants: Vec<_> = (0..order.grants).map(|_| self.next_grant()).collect();
        let sales = self.model.integer("sales").unwrap_or_default();
        let initial = if order.full_bucket { order.burst } else { 0.0 };
        let known = if order.outdated { sales - 1 } else { sales };
        let mut call = self.call("admit");
        call.arg(order.rate)
            .arg(order.burst)
            .arg(initial)
            .arg(order.cap)
            .arg(u8::from(order.paused))
            .arg(order.unsold)
            .arg(known)
            .arg(order.grace * 1_000_000)
            .arg(order.claim)
            .arg(order.batch)
            .arg(order.evictions);
        for (id, token) in &grants {
            call.arg(id).arg(token);
        }
        let (told, after) = self.run(&call)?;
        let before = self.model.clone();
        let (expected, ticked) = self.model.tick(order, &grants, self.now, &after)?;
        self.compare(&told, &expected, &after)?;
        self.laws.ticked(order, ticked, &before, &after)
    }

    fn close(&mut self) -> Result<(), String> {
        let mut expected = self.model.close(self.now);
        let call = self.call("close");
        let (told, after) = self.run(&call)?;
        let Said::List(told) = told else {
            return Err(format!("{told:?}"));
        };
        let sorted: BTreeMap<_, _> = told.into_iter().map(|token| (format!("{token:?}"), token)).collect();
        expected.sort();
        let expected = Said::List(expected.into_iter().map(Said::from).collect());
        self.compare(&Said::List(sorted.into_values().collect()), &expected, &after)
    }

    fn snapshot(&mut self, front: usize, marks: usize) -> Result<(), String> {
        let mut call = self.call("snapshot");
        call.arg(front).arg(marks);
        let (told, after) = self.run(&call)?;
        let places = self.model.in_order();
        let Said::List(mut told) = told else {
            return Err(format!("{told:?}"));
        };
        if told.len() < 3 {
            return Err(format!("{told:?}"));
        }
        let rest = told.split_off(3);
        let head = said![places.len(), self.model.measured(), self.now];
        self.compare(&Said::List(told), &head, &after)?;
        let mut ranks = Vec::new();
        for mark in rest.chunks(2) {
            let [Said::Number(rank), Said::Number(score)] = mark else {
                return Err(format!("{mark:?}"));
            };
            let rank = usize::try_from(*rank).unwrap();
            if places.get(rank).map(|(score, _)| score) != Some(score) {
                return Err(format!("{score} is not at {rank} of {places:?}"));
            }
            ranks.push(rank);
        }
        // Everybody at the front, then marks no further apart than they must be, up to the last one in line.
        let step = places.len().saturating_sub(front).div_ceil(marks);
        let dense = ranks.iter().copied().take(front).eq(0..front.min(places.len()));
        let rising = ranks
            .windows(2)
            .all(|pair| pair[0] < pair[1] && pair[1] - pair[0] <= step.max(1));
        let few = ranks.len() <= front + marks + 1;
        if dense && rising && few && ranks.last().copied() == places.len().checked_sub(1) {
            Ok(())
        } else {
            Err(format!("marks at {ranks:?} of {}", places.len()))
        }
    }

    /// All keys are gone.
    fn lose(&mut self) {
        let mut gone = redis::cmd("UNLINK");
        gone.arg(&self.keys).arg(format!("{}:clock", self.keys[0]));
        gone.query::<()>(&mut self.player.redis).unwrap();
        self.model = State::default();
        self.laws.lost();
    }

    fn next_grant(&mut self) -> (String, String) {
        self.granted += 1;
        (format!("g{}", self.granted), format!("qr_{}", self.granted))
    }

    fn grant(&self, user: User, which: Which) -> Option<Grant> {
        let told = |user: User, age: usize| {
            let tickets = self.tickets.get(&user)?;
            tickets.iter().rev().filter_map(|ticket| ticket.grant.clone()).nth(age)
        };
        match which {
            Which::Own => self.model.grants.get(&user).cloned(),
            Which::Former(age) => told(user, age),
            Which::Foreign(other) => self.model.grants.get(&other).cloned().or_else(|| told(other, 0)),
        }
    }

    /// Keeps the tickets that replies bring.
    fn note(&mut self, users: &[User], told: &[Said]) {
        for (user, told) in users.iter().zip(told) {
            let Said::List(parts) = told else { continue };
            let (Said::Text(word), Said::Number(score)) = (&parts[0], &parts[1]) else {
                continue;
            };
            let grant = match word.as_str() {
                "WAITING" => None,
                "ADMITTED" => self.model.grants.get(user).cloned(),
                _ => continue,
            };
            self.tickets
                .entry(*user)
                .or_default()
                .push(Ticket { score: *score, grant });
        }
    }

    fn call(&self, script: &str) -> Cmd {
        self.player.scripts.call(script, &self.keys)
    }

    /// Runs a script that leaves no choice.
    fn check(
        &mut self,
        script: &str,
        arguments: impl IntoIterator<Item = String>,
        expected: &Said,
    ) -> Result<(), String> {
        let mut call = self.call(script);
        for argument in arguments {
            call.arg(argument);
        }
        let (told, after) = self.run(&call)?;
        self.compare(&told, expected, &after)
    }

    /// Runs a script at the history's time and reads everything back.
    fn run(&mut self, call: &Cmd) -> Result<(Said, State), String> {
        let mut pipe = redis::pipe();
        pipe.cmd("SET")
            .arg(format!("{}:clock", self.keys[0]))
            .arg(self.now)
            .ignore();
        pipe.add_command(call.clone());
        read(&mut pipe, &self.keys);
        let replies: Vec<Value> = pipe.query(&mut self.player.redis).map_err(|error| error.to_string())?;
        let mut after = parse(&replies[1..]);
        self.laws.ends(&std::mem::take(&mut after.ends), &after)?;
        Ok((Said::from(&replies[0]), after))
    }

    fn compare(&mut self, told: &Said, expected: &Said, after: &State) -> Result<(), String> {
        if told != expected {
            return Err(format!("said {told:?}, should say {expected:?}"));
        }
        if *after != self.model {
            return Err(format!("Redis holds\n{after:?}\nand should hold\n{:?}", self.model));
        }
        self.laws.hold(after)
    }
}

fn name(user: User) -> String {
    format!("u{user}")
}
