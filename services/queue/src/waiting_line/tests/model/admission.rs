//! What one tick of admission must do.

use super::{
    people::{millis, second},
    state::{Grant, Reason, Said, State, TWO_48, User, said},
};
use std::collections::BTreeSet;

/// A longer pause of the ticks is an outage of ours, in microseconds.
const STALL: i64 = 5_000_000;

/// What a tick is told.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) rate: u32,
    pub(super) burst: f64,
    pub(super) full_bucket: bool,
    pub(super) cap: i64,
    pub(super) paused: bool,
    /// -1: unknown.
    pub(super) unsold: i64,
    /// The unsold seats were counted before the last sale.
    pub(super) outdated: bool,
    /// Seconds.
    pub(super) grace: i64,
    /// Milliseconds.
    pub(super) claim: i64,
    pub(super) batch: usize,
    pub(super) evictions: usize,
    /// Grants made for this tick.
    pub(super) grants: usize,
}

/// What a tick did, for the laws that are watched over many of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticked {
    /// A bucket was made by this tick.
    pub(super) fresh: bool,
    /// Microseconds since the last tick.
    pub(super) elapsed: i64,
    pub(super) admitted: usize,
}

impl State {
    /// `after` is what Redis holds afterwards: whom of many silent ones one tick evicts is left to the script.
    pub(super) fn tick(
        &mut self,
        order: &Order,
        grants: &[(String, String)],
        now: i64,
        after: &Self,
    ) -> Result<(Said, Ticked), String> {
        let ticked = self.integer("ticked");
        let elapsed = (now - ticked.unwrap_or(now)).max(0);
        let sales = self.integer("sales").unwrap_or_default();
        let stale = order.unsold >= 0 && order.outdated;
        let unheard = self.judge_outage(order, now, elapsed);
        let (returned, expired) = self.end_grants(order.batch, unheard, now);

        let tokens = self
            .number("tokens")
            .unwrap_or(if order.full_bucket { order.burst } else { 0.0 });
        let tokens = if order.paused {
            0.0
        } else {
            order
                .burst
                .min(tokens + elapsed as f64 * f64::from(order.rate) / 1_000_000.0)
        };
        let active = self.grants.len() as i64;
        let room = if order.paused || unheard || stale || order.unsold < 0 {
            0
        } else {
            let budget = (tokens as i64)
                .min(order.cap - active)
                .min(order.unsold - active)
                .max(0);
            (budget as usize).min(order.batch).min(grants.len())
        };
        let (admitted, evicted) = self.move_up(order, room, now, after)?;
        for (user, (id, token)) in admitted.iter().zip(grants) {
            let score = self.line[user];
            let grant = Grant {
                id: id.clone(),
                token: token.clone(),
                score,
                active: false,
                expires: millis(now) + order.claim,
                seen: self.beats[&(score % TWO_48)],
            };
            self.leaves_line(*user);
            self.grant_to(*user, grant);
        }
        for user in &evicted {
            self.leaves_line(*user);
            self.returned.remove(user);
            self.remember(*user, Reason::Evicted, now);
        }

        self.sweep(order, evicted.len(), now, after);
        self.measure(order, unheard, admitted.len(), elapsed, now);
        self.forget_reasons(now);
        self.set("tokens", tokens - admitted.len() as f64);
        self.set("ticked", now as f64);
        self.set("busy", if self.line.is_empty() { 0.0 } else { 1.0 });
        for (field, count) in [
            ("admitted", admitted.len()),
            ("evicted", evicted.len()),
            ("expired", expired),
        ] {
            self.count(field, count);
        }
        let told = said![
            self.line.len(),
            self.grants.len(),
            admitted.len(),
            evicted.len(),
            expired,
            returned,
            i64::from(stale),
            sales,
        ];
        let ticked = Ticked {
            fresh: ticked.is_none(),
            elapsed,
            admitted: admitted.len(),
        };
        Ok((told, ticked))
    }

    /// After a pause of the ticks, or when many fall silent at once, the grace begins anew. Whether nobody of many has been
    /// heard for long enough.
    fn judge_outage(&mut self, order: &Order, now: i64, elapsed: i64) -> bool {
        let mut grace = self.integer("grace").unwrap_or_default();
        let mut beats = self.number("beats").unwrap_or_default();
        let mut since = self.integer("beats_at").unwrap_or(now);
        let mut usual = self.number("beats_ref").unwrap_or_default();
        let mut quiet = self.number("quiet").unwrap_or_default();
        if elapsed > STALL {
            grace = now;
        }
        if (now - since) * 15 >= order.grace * 1_000_000 {
            let fading = usual * 0.95;
            let outage = usual >= 20.0 && beats * 2.0 < usual;
            if outage {
                grace = now;
            }
            usual = match outage {
                true if beats == 0.0 => usual,
                true => fading,
                false => beats.max(fading),
            };
            quiet = if beats > 0.0 { 0.0 } else { quiet + 1.0 };
            (beats, since) = (0.0, now);
        }
        self.set("grace", grace as f64);
        self.set("beats", beats);
        self.set("beats_at", since as f64);
        self.set("beats_ref", usual);
        self.set("quiet", quiet);
        usual >= 20.0 && beats == 0.0 && (3.0..360.0).contains(&quiet)
    }

    /// Grants whose time is over, the earliest first: back to the line if nobody claimed them, once or while nobody is heard.
    fn end_grants(&mut self, batch: usize, unheard: bool, now: i64) -> (usize, usize) {
        let mut due: Vec<_> = self.active.iter().map(|(user, end)| (*end, *user)).collect();
        due.retain(|(end, _)| *end <= millis(now));
        due.sort_unstable();
        due.truncate(batch);
        let (mut returned, mut expired) = (0, 0);
        for (_, user) in due {
            let was_back = self.returned.contains(&user);
            let grant = self.end_grant(user).unwrap();
            if grant.active || was_back && !unheard {
                self.remember(user, Reason::Expired, now);
                expired += 1;
            } else {
                self.waits(user, grant.score, grant.seen);
                if !unheard {
                    self.returned.insert(user);
                }
                returned += 1;
            }
        }
        (returned, expired)
    }

    /// Who is admitted and who is evicted.
    fn move_up(
        &mut self,
        order: &Order,
        room: usize,
        now: i64,
        after: &Self,
    ) -> Result<(Vec<User>, Vec<User>), String> {
        let is_silent = |score: i64| {
            let seen = self.beats.get(&(score % TWO_48)).copied().unwrap_or_default();
            self.is_silent(seen, order, now)
        };

        let (mute, there): (Vec<_>, Vec<_>) = self.in_order().into_iter().partition(|(score, _)| is_silent(*score));
        let ahead_of = |number: usize| match mute.get(number) {
            Some((score, _)) => there.iter().filter(|(other, _)| other < score).count(),
            None => there.len(),
        };
        // While there are evictions left nothing stands in the way of those who are there. From the last eviction on the
        // tick may stop at any time, and before the first silent one too many it must.
        let must = if mute.len() < order.evictions {
            there.len()
        } else {
            order.evictions.checked_sub(1).map_or(0, ahead_of)
        };
        let (least, most) = (must.min(room), ahead_of(order.evictions).min(room));
        let remains = |user: &User| after.line.contains_key(user);
        let admitted: Vec<User> = there
            .iter()
            .map(|(_, user)| *user)
            .take_while(|user| !remains(user))
            .collect();
        if admitted.len() < least || admitted.len() > most {
            return Err(format!(
                "admitted {admitted:?}, should be {least} to {most} of {there:?}; silent {mute:?}"
            ));
        }
        let evicted: Vec<User> = mute
            .iter()
            .map(|(_, user)| *user)
            .filter(|user| !remains(user))
            .collect();
        if evicted.len() != mute.len().min(order.evictions) {
            return Err(format!("evicted {evicted:?} of {mute:?}"));
        }
        if let Some(last) = admitted.last()
            && let Some((_, user)) = mute
                .iter()
                .find(|(score, user)| *score < self.line[last] && remains(user))
        {
            return Err(format!(
                "{user} is silent and was left standing before {last}, who was admitted"
            ));
        }
        Ok((admitted, evicted))
    }

    /// Heartbeats of who was taken out of the line otherwise. Once the evictions are used up, they may stay.
    fn sweep(&mut self, order: &Order, evicted: usize, now: i64, after: &Self) {
        let waiting: BTreeSet<i64> = self.line.values().map(|score| score % TWO_48).collect();
        let all = evicted < order.evictions;
        let beats = std::mem::take(&mut self.beats);
        let stays = |(id, seen): &(i64, i64)| {
            waiting.contains(id) || !self.is_silent(*seen, order, now) || (!all && after.beats.contains_key(id))
        };
        self.beats = beats.into_iter().filter(stays).collect();
    }

    fn is_silent(&self, seen: i64, order: &Order, now: i64) -> bool {
        let heard_from = second(self.integer("grace").unwrap_or_default());
        seen.max(heard_from) < second(now - order.grace * 1_000_000)
    }

    /// The pace over the last minute, as far as somebody waited and nothing was paused or unheard.
    fn measure(&mut self, order: &Order, unheard: bool, admitted: usize, elapsed: i64, now: i64) {
        let slice = second(now) / 10;
        self.pace.retain(|number, _| *number > slice - 6);
        if self.number("busy") == Some(1.0) && !order.paused && !unheard && elapsed <= STALL {
            let entry = self.pace.entry(slice).or_default();
            entry.0 += admitted as i64;
            entry.1 += elapsed;
        }
        let (admissions, busy) = self
            .pace
            .values()
            .fold((0, 0), |sum, slice| (sum.0 + slice.0, sum.1 + slice.1));
        let places = order.cap.min(order.unsold);
        let all_taken = !order.paused && order.unsold >= 0 && places <= self.grants.len() as i64;
        let measured = if busy >= STALL {
            format!("{:.0}", admissions as f64 * 1e9 / busy as f64).parse().unwrap()
        } else if all_taken && !self.line.is_empty() {
            0.0
        } else {
            -1.0
        };
        self.set("measured", measured);
    }
}
