//! Where a user stands, and how the scripts' replies say so.

use chrono::{DateTime, Utc};
use redis::{FromRedisValue, ParsingError, Value, from_redis_value};

/// A reply together with Redis' time at which it was true.
#[derive(Clone, Debug)]
pub(crate) struct Seen<T> {
    pub(crate) now: DateTime<Utc>,
    pub(crate) value: T,
}

/// Where a user stands in an event's line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Standing {
    /// In line.
    Waiting(Place),
    /// Admitted, and the grant is active.
    Admitted(Grant),
    /// Neither; with the reason if it is known.
    Absent(Option<AbsenceReason>),
}

/// A place in line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    /// Microseconds of Redis' clock at entry.
    pub(crate) score: i64,
    /// From 1.
    pub(crate) position: u64,
    /// How many wait.
    pub(crate) total: u64,
    /// Admissions per second over the last minute, if measured.
    pub(crate) measured: Option<f64>,
}

/// An active grant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Grant {
    /// Microseconds of Redis' clock at entry.
    pub(crate) score: i64,
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) expires_at: DateTime<Utc>,
    /// How many wait.
    pub(crate) total: u64,
}

/// Why somebody is no longer in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AbsenceReason {
    /// Silent for too long.
    Evicted,
    /// Admitted, and the time is over.
    Expired,
    /// By the user's own wish.
    Left,
    /// The sale ended or the event was cancelled.
    Closed,
}

impl AbsenceReason {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Evicted => "EVICTED",
            Self::Expired => "EXPIRED",
            Self::Left => "LEFT",
            Self::Closed => "CLOSED",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Evicted, Self::Expired, Self::Left, Self::Closed]
            .into_iter()
            .find(|reason| reason.as_str() == text)
    }
}

/// Takes a script's reply apart, one element after the other.
pub(super) struct Reply(std::vec::IntoIter<Value>);

impl Reply {
    pub(super) fn new(value: Value) -> Result<Self, ParsingError> {
        Ok(Self(from_redis_value::<Vec<Value>>(value)?.into_iter()))
    }

    pub(super) fn next<T: FromRedisValue>(&mut self) -> Result<T, ParsingError> {
        from_redis_value(self.0.next().ok_or("a script's reply is too short")?)
    }

    pub(super) fn has_more(&self) -> bool {
        self.0.len() > 0
    }

    pub(super) fn micros(&mut self) -> Result<DateTime<Utc>, ParsingError> {
        Ok(DateTime::from_timestamp_micros(self.next()?).ok_or("not a time")?)
    }

    pub(super) fn millis(&mut self) -> Result<DateTime<Utc>, ParsingError> {
        Ok(DateTime::from_timestamp_millis(self.next()?).ok_or("not a time")?)
    }

    /// A measured rate: thousandths per second, or an empty text.
    pub(super) fn pace(&mut self) -> Result<Option<f64>, ParsingError> {
        let text: String = self.next()?;
        Ok(text.parse::<f64>().ok().map(|thousandths| thousandths / 1000.0))
    }

    /// The rest of a reply that begins with `word`, if it says where somebody stands.
    pub(super) fn standing(&mut self, word: &str) -> Result<Option<Seen<Standing>>, ParsingError> {
        let value = match word {
            "WAITING" => Standing::Waiting(Place {
                score: self.next()?,
                position: self.next()?,
                total: self.next()?,
                measured: self.pace()?,
            }),
            "ADMITTED" => Standing::Admitted(Grant {
                score: self.next()?,
                id: self.next()?,
                token: self.next()?,
                expires_at: self.millis()?,
                total: self.next()?,
            }),
            "ABSENT" => Standing::Absent(AbsenceReason::parse(&self.next::<String>()?)),
            _ => return Ok(None),
        };
        Ok(Some(Seen {
            now: self.micros()?,
            value,
        }))
    }
}

impl FromRedisValue for Seen<Standing> {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let mut reply = Reply::new(value)?;
        let word: String = reply.next()?;
        Ok(reply
            .standing(&word)?
            .ok_or("a script's reply does not say where somebody stands")?)
    }
}
