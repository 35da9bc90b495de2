use super::{WaitingLine, keys};
use chrono::{DateTime, Utc};
use common::redis::Memory;
use redis::RedisResult;

/// Which life of Redis' memory this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EpochMark {
    pub(crate) epoch: i64,
    /// The server processes that hold this epoch's places, as [`Memory::processes`] writes them: one, or a cluster's masters.
    pub(crate) run_ids: String,
    /// The loss that this epoch began with; the very first one began with none.
    pub(crate) loss: Option<Loss>,
}

/// A loss of places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    /// When the places were last seen whole.
    pub(crate) whole_at: DateTime<Utc>,
    /// When the loss was noticed.
    pub(crate) noticed_at: DateTime<Utc>,
    /// Nobody is admitted before.
    pub(crate) resumes_at: DateTime<Utc>,
}

impl EpochMark {
    /// The epoch whose places are whole, if they are: every process that answers has its mark and is named by it.
    pub(crate) fn of(memory: &Memory) -> Option<Self> {
        memory
            .mark()
            .and_then(Self::parse)
            .filter(|mark| memory.is_of(&mark.run_ids))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('|');
        let epoch = parts.next()?.parse().ok()?;
        let run_ids = parts.next()?.to_owned();
        let mut time = || DateTime::from_timestamp_millis(parts.next()?.parse().ok()?);
        let loss = match (time(), time(), time()) {
            (Some(whole_at), Some(noticed_at), Some(resumes_at)) => Some(Loss {
                whole_at,
                noticed_at,
                resumes_at,
            }),
            _ => None,
        };
        Some(Self { epoch, run_ids, loss })
    }

    fn text(&self) -> String {
        let mut text = format!("{}|{}", self.epoch, self.run_ids);
        if let Some(loss) = self.loss {
            for time in [loss.whole_at, loss.noticed_at, loss.resumes_at] {
                text.push('|');
                text.push_str(&time.timestamp_millis().to_string());
            }
        }
        text
    }
}

impl WaitingLine {
    /// What Redis says about its memory, with the mark.
    pub(crate) async fn memory(&self) -> RedisResult<Memory> {
        self.redis.memory(keys::EPOCH).await
    }

    /// Writes the mark of a new epoch.
    pub(crate) async fn mark_epoch(&self, mark: &EpochMark) -> RedisResult<()> {
        self.redis.mark(keys::EPOCH, &mark.text()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let time = |millis| DateTime::from_timestamp_millis(millis).unwrap();
        let first = EpochMark {
            epoch: 1,
            run_ids: "abc,def".to_owned(),
            loss: None,
        };
        let loss = Loss {
            whole_at: time(1),
            noticed_at: time(2),
            resumes_at: time(3),
        };
        for mark in [
            EpochMark {
                epoch: 7,
                loss: Some(loss),
                ..first.clone()
            },
            first,
        ] {
            assert_eq!(EpochMark::parse(&mark.text()), Some(mark));
        }
        assert_eq!(EpochMark::parse("what is this"), None);
    }
}
