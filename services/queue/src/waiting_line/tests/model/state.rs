//! What lies in Redis about one line, as the model thinks and as it is read back.

use redis::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Users are few, so that they get into each other's way.
pub(super) type User = u8;

pub(super) const TWO_48: i64 = 1 << 48;

/// A reply, or an element of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Nothing,
    Number(i64),
    Text(String),
    List(Vec<Self>),
}

impl From<&Value> for Said {
    fn from(value: &Value) -> Self {
        match value {
            Value::Nil => Self::Nothing,
            Value::Int(number) => Self::Number(*number),
            Value::BulkString(bytes) => Self::Text(String::from_utf8_lossy(bytes).into_owned()),
            Value::SimpleString(text) => Self::Text(text.clone()),
            Value::Array(values) => Self::List(values.iter().map(Self::from).collect()),
            other => panic!("no script says {other:?}"),
        }
    }
}

impl From<i64> for Said {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for Said {
    fn from(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap())
    }
}

impl From<&str> for Said {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Said {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// A reply of several elements.
macro_rules! said {
    ($($element:expr),* $(,)?) => { $crate::waiting_line::tests::model::state::Said::List(vec![$($element.into()),*]) };
}
pub(super) use said;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    Evicted = 1,
    Expired,
    Left,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) id: String,
    pub(super) token: String,
    pub(super) score: i64,
    /// Claimed by its owner; until then it is only offered.
    pub(super) active: bool,
    /// Milliseconds.
    pub(super) expires: i64,
    /// Second of the last heartbeat in line.
    pub(super) seen: i64,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    /// Score of each place.
    pub(super) line: BTreeMap<User, i64>,
    /// Second of the last sign of life by score (its lower 48 bits).
    pub(super) beats: BTreeMap<i64, i64>,
    pub(super) grants: BTreeMap<User, Grant>,
    /// Ends of the grants, in milliseconds.
    pub(super) active: BTreeMap<User, i64>,
    pub(super) returned: BTreeSet<User>,
    pub(super) gone: BTreeMap<User, (i64, Reason)>,
    /// Numbers; an empty text is -1.
    pub(super) control: BTreeMap<String, f64>,
    /// Admissions and microseconds with somebody waiting, by slice of ten seconds.
    pub(super) pace: BTreeMap<i64, (i64, i64)>,
    /// Keys that end by themselves, and after how many seconds.
    pub(super) ends: BTreeMap<&'static str, i64>,
}

impl State {
    pub(super) fn number(&self, field: &str) -> Option<f64> {
        self.control.get(field).copied()
    }

    pub(super) fn integer(&self, field: &str) -> Option<i64> {
        self.number(field).map(|number| number as i64)
    }

    pub(super) fn set(&mut self, field: &str, number: f64) {
        self.control.insert(field.to_owned(), number);
    }

    pub(super) fn count(&mut self, field: &str, more: usize) {
        if more > 0 {
            *self.control.entry(field.to_owned()).or_default() += more as f64;
        }
    }

    /// Everybody in line, in order.
    pub(super) fn in_order(&self) -> Vec<(i64, User)> {
        let mut places: Vec<_> = self.line.iter().map(|(user, score)| (*score, *user)).collect();
        places.sort_unstable();
        places
    }
}

/// The commands that read everything of a line.
pub(super) fn read(pipe: &mut redis::Pipeline, keys: &[String; 8]) {
    let [line, beats, grants, active, returned, gone, control, pace] = keys;
    for zset in [line, active, gone] {
        pipe.cmd("ZRANGE").arg(zset).arg(0).arg(-1).arg("WITHSCORES");
    }
    for hash in [beats, grants, control, pace] {
        pipe.cmd("HGETALL").arg(hash);
    }
    pipe.cmd("SMEMBERS").arg(returned);
    for key in keys {
        pipe.cmd("TTL").arg(key);
    }
}

const NAMES: [&str; 8] = [
    "line", "beats", "grants", "active", "returned", "gone", "control", "pace",
];

/// What they said.
pub(super) fn parse(replies: &[Value]) -> State {
    let [line, active, gone, beats, grants, control, pace, returned, ends @ ..] = replies else {
        panic!("too few replies")
    };
    let mut state = State {
        line: scores(line).collect(),
        active: scores(active).collect(),
        gone: scores(gone)
            .map(|(user, score)| {
                let reason = match score % 8 {
                    1 => Reason::Evicted,
                    2 => Reason::Expired,
                    3 => Reason::Left,
                    other => panic!("reason {other}"),
                };
                (user, (score / 8, reason))
            })
            .collect(),
        grants: pairs(grants)
            .map(|(name, text)| (user(&name), grant(std::str::from_utf8(&text).unwrap())))
            .collect(),
        control: pairs(control)
            // Where the sweep stands and whose memory this is are not for the model to say.
            .filter(|(name, _)| !matches!(name.as_str(), "sweep" | "life"))
            .map(|(name, text)| (name, if text.is_empty() { -1.0 } else { number(&text) }))
            .collect(),
        returned: texts(returned)
            .map(|name| user(&String::from_utf8(name).unwrap()))
            .collect(),
        ..State::default()
    };
    for (_, records) in pairs(beats) {
        assert!(!records.is_empty() && records.len() % 10 == 0, "records of ten bytes");
        for record in records.chunks(10) {
            let (id, second) = record.split_at(6);
            let id = id.iter().fold(0, |id, byte| id << 8 | i64::from(*byte));
            let second = i64::from(u32::from_be_bytes(second.try_into().unwrap()));
            assert_eq!(state.beats.insert(id, second), None, "two records of one score");
        }
    }
    for (slice, text) in pairs(pace) {
        let text = String::from_utf8(text).unwrap();
        let (admitted, busy) = text.split_once(':').unwrap();
        let pace = (admitted.parse().unwrap(), busy.parse().unwrap());
        state.pace.insert(slice.parse().unwrap(), pace);
    }
    for (name, end) in NAMES.into_iter().zip(ends) {
        if let Value::Int(seconds @ 0..) = end {
            state.ends.insert(name, *seconds);
        }
    }
    state
}

fn texts(value: &Value) -> impl Iterator<Item = Vec<u8>> {
    let Value::Array(values) = value else {
        panic!("not a list: {value:?}")
    };
    values.iter().map(|value| match value {
        Value::BulkString(bytes) => bytes.clone(),
        other => panic!("not a text: {other:?}"),
    })
}

fn pairs(value: &Value) -> impl Iterator<Item = (String, Vec<u8>)> {
    let mut texts = texts(value);
    std::iter::from_fn(move || Some((String::from_utf8(texts.next()?).unwrap(), texts.next()?)))
}

fn scores(value: &Value) -> impl Iterator<Item = (User, i64)> {
    pairs(value).map(|(name, score)| (user(&name), number(&score) as i64))
}

fn number(text: &[u8]) -> f64 {
    std::str::from_utf8(text).unwrap().parse().unwrap()
}

fn user(name: &str) -> User {
    name.strip_prefix('u').unwrap().parse().unwrap()
}

fn grant(text: &str) -> Grant {
    let parts: Vec<_> = text.split('|').collect();
    let [id, token, score, state, expires, seen] = parts[..] else {
        panic!("{text}")
    };
    assert!(matches!(state, "A" | "C"), "{text}");
    Grant {
        id: id.to_owned(),
        token: token.to_owned(),
        score: score.parse().unwrap(),
        active: state == "A",
        expires: expires.parse().unwrap(),
        seen: seen.parse().unwrap(),
    }
}
