//! A line as it lies in Redis, read again and again while it moves, and what must hold of any two moments.

use redis::{Script, aio::MultiplexedConnection};
use std::collections::HashMap;
use uuid::Uuid;

/// All of one moment: a script is not interrupted.
const LOOK: &str = "
    local time = redis.call('TIME')
    return {
        time[1] * 1000000 + time[2],
        tonumber(redis.call('HGET', KEYS[4], 'admitted') or 0),
        redis.call('ZCARD', KEYS[2]),
        redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES'),
        redis.call('HGETALL', KEYS[3]),
        redis.call('SMEMBERS', KEYS[5]),
    }";

/// A line at one moment.
pub(crate) struct Sample {
    /// Microseconds.
    pub(crate) at: i64,
    /// Admissions so far.
    pub(crate) admitted: i64,
    pub(crate) active: i64,
    /// Who waits, with the score, in order.
    pub(crate) line: Vec<(String, i64)>,
    /// Score and end (ms) of each grant by its id.
    pub(crate) grants: HashMap<String, (i64, i64)>,
    /// Whose unclaimed grant went back to the line.
    pub(crate) returned: Vec<String>,
}

pub(crate) async fn look(redis: &mut MultiplexedConnection, event: Uuid) -> Sample {
    type Told = (i64, i64, i64, Vec<(String, i64)>, HashMap<String, String>, Vec<String>);
    let key = |name: &str| format!("queue:{{{event}}}{name}");
    let script = Script::new(LOOK);
    let mut call = script.prepare_invoke();
    for name in ["", ":active", ":grants", ":control", ":returned"] {
        call.key(key(name));
    }
    let (at, admitted, active, line, grants, returned): Told = call.invoke_async(redis).await.unwrap();
    let grants = grants.values().map(|text| {
        let parts: Vec<_> = text.split('|').collect();
        (
            parts[0].to_owned(),
            (parts[2].parse().unwrap(), parts[4].parse().unwrap()),
        )
    });
    Sample {
        at,
        admitted,
        active,
        line,
        grants: grants.collect(),
        returned,
    }
}

/// Watches that admission keeps to what it is allowed, in whatever window of time.
pub(crate) struct Watch {
    before: Option<Sample>,
    /// Admissions less what the rate has made since the beginning, and the least that this ever was.
    ahead: f64,
    least_ahead: f64,
}

/// What is allowed now, or was a moment ago and may still be in a replica's cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    pub(crate) rate: f64,
    pub(crate) burst: f64,
    pub(crate) cap: i64,
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self {
            before: None,
            ahead: 0.0,
            least_ahead: 0.0,
        }
    }

    pub(crate) fn see(&mut self, sample: Sample, allowed: Allowed) {
        if let Some(before) = &self.before {
            let admitted = sample.admitted - before.admitted;
            let seconds = (sample.at - before.at) as f64 / 1e6;
            // The bucket is as full as it was at the last tick, which may have been a moment before the last look.
            self.ahead += admitted as f64 - allowed.rate * seconds;
            self.least_ahead = self.least_ahead.min(self.ahead);
            let in_a_window = self.ahead - self.least_ahead;
            assert!(
                in_a_window <= allowed.burst + 1e-6,
                "{in_a_window} admitted beyond the rate; {allowed:?}"
            );
            assert!(
                sample.active <= allowed.cap.max(before.active),
                "{} are in after {}; {allowed:?}",
                sample.active,
                before.active
            );
            let new = sample.grants.iter().filter(|(id, _)| !before.grants.contains_key(*id));
            let last = new.map(|(_, (score, _))| *score).max();
            // Who comes back stands at the old place, and was in before.
            let first = sample.line.iter().find(|(user, _)| !sample.returned.contains(user));
            if let (Some(last), Some((user, first))) = (last, first) {
                assert!(*first > last, "{user} was overtaken: {first} by {last}");
            }
        }
        self.before = Some(sample);
    }

    pub(crate) fn last(&self) -> &Sample {
        self.before.as_ref().unwrap()
    }
}
