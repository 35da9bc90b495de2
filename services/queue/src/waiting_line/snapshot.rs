use super::{WaitingLine, keys, scripts::SNAPSHOT, standing::Reply};
use chrono::{DateTime, Utc};
use redis::{FromRedisValue, ParsingError, RedisResult, Value};
use uuid::Uuid;

/// So many places at the front are known one by one: whoever is about to be admitted sees every step.
const FRONT: u64 = 256;
/// So many marks are known of the rest; between two of them places are estimated.
const MARKS: u64 = 256;

/// A line at one moment, small enough to be read each second however long it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) now: DateTime<Utc>,
    /// How many wait.
    pub(crate) total: u64,
    /// Admissions per second over the last minute, if measured.
    pub(crate) measured: Option<f64>,
    /// Ranks from 0 with the scores there, both rising.
    marks: Vec<(u64, i64)>,
}

impl Snapshot {
    /// The place, from 1, of who has this score; exact at the front, further back between the marks around it. Nothing for
    /// who is before the first or behind the last in line, and so not in it.
    pub(crate) fn position(&self, score: i64) -> Option<u64> {
        let behind = self.marks.partition_point(|(_, mark)| *mark < score);
        let (rank, mark) = *self.marks.get(behind)?;
        if mark == score {
            return Some(rank + 1);
        }
        let (rank_before, mark_before) = *self.marks.get(behind.checked_sub(1)?)?;
        // Nobody is between two neighbours.
        let between = rank.checked_sub(rank_before + 1).filter(|places| *places > 0)?;
        let share = i128::from(score - mark_before) * i128::from(between) / i128::from(mark - mark_before);
        Some(rank_before + 2 + u64::try_from(share).unwrap_or_default().min(between - 1))
    }
}

impl FromRedisValue for Snapshot {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let mut reply = Reply::new(value)?;
        let (total, measured, now) = (reply.next()?, reply.pace()?, reply.micros()?);
        let mut marks = Vec::new();
        while reply.has_more() {
            marks.push((reply.next()?, reply.next()?));
        }
        Ok(Self {
            now,
            total,
            measured,
            marks,
        })
    }
}

impl WaitingLine {
    /// The line at a glance; touches nothing.
    pub(crate) async fn snapshot(&self, event: Uuid) -> RedisResult<Snapshot> {
        SNAPSHOT
            .key(&keys::line(event))
            .arg(FRONT)
            .arg(MARKS)
            .invoke_async(&mut self.connection())
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(marks: &[(u64, i64)]) -> Snapshot {
        Snapshot {
            now: DateTime::UNIX_EPOCH,
            total: marks.last().map_or(0, |(rank, _)| rank + 1),
            measured: None,
            marks: marks.to_vec(),
        }
    }

    #[test]
    fn the_front_is_exact_and_who_is_not_there_is_nowhere() {
        let line = snapshot(&[(0, 100), (1, 110), (2, 120)]);
        assert_eq!(
            [100, 110, 120].map(|score| line.position(score)),
            [Some(1), Some(2), Some(3)]
        );
        assert_eq!([99, 105, 121].map(|score| line.position(score)), [None, None, None]);
        assert_eq!(snapshot(&[]).position(1), None);
    }

    #[test]
    fn between_marks_places_are_estimated_and_never_leave_them() {
        // Places 2 to 11 have ranks 1 to 10, and their ten places lie between the marks.
        let line = snapshot(&[(0, 0), (11, 1100)]);
        assert_eq!(line.position(1), Some(2));
        assert_eq!(line.position(550), Some(7));
        assert_eq!(line.position(1099), Some(11));
        assert_eq!(line.position(1100), Some(12));
        let mut last = 0;
        for score in 1..1100 {
            let position = line.position(score).unwrap();
            assert!((2..=11).contains(&position) && position >= last, "{score}: {position}");
            last = position;
        }
    }
}
