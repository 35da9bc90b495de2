use super::{WaitingLine, keys};
use chrono::{DateTime, Utc};
use redis::{RedisResult, cmd};

/// What Redis says about its own memory.
#[derive(Clone, Debug)]
pub(crate) struct RedisLife {
    /// The server process. A restarted one has lost up to a second, an emptied one everything.
    pub(crate) run_id: String,
    /// The mark of the epoch, if it is still there.
    pub(crate) mark: Option<EpochMark>,
    pub(crate) now: DateTime<Utc>,
}

/// Which life of Redis' memory this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EpochMark {
    pub(crate) epoch: i64,
    /// The server process that holds this epoch's places.
    pub(crate) run_id: String,
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
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('|');
        let epoch = parts.next()?.parse().ok()?;
        let run_id = parts.next()?.to_owned();
        let mut time = || DateTime::from_timestamp_millis(parts.next()?.parse().ok()?);
        let loss = match (time(), time(), time()) {
            (Some(whole_at), Some(noticed_at), Some(resumes_at)) => Some(Loss {
                whole_at,
                noticed_at,
                resumes_at,
            }),
            _ => None,
        };
        Some(Self { epoch, run_id, loss })
    }

    fn text(&self) -> String {
        let mut text = format!("{}|{}", self.epoch, self.run_id);
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
    /// Reads the mark and what Redis itself says.
    pub(crate) async fn redis_life(&self) -> RedisResult<RedisLife> {
        let (mut asking, mut reading) = (self.connection(), self.connection());
        let (info, mark, now) = tokio::try_join!(
            async { cmd("INFO").arg("server").query_async::<String>(&mut asking).await },
            async {
                cmd("GET")
                    .arg(keys::EPOCH)
                    .query_async::<Option<String>>(&mut reading)
                    .await
            },
            self.now(),
        )?;
        let run_id = info
            .lines()
            .find_map(|line| line.strip_prefix("run_id:"))
            .unwrap_or_default()
            .trim()
            .to_owned();
        Ok(RedisLife {
            run_id,
            mark: mark.as_deref().and_then(EpochMark::parse),
            now,
        })
    }

    /// Writes the mark of a new epoch.
    pub(crate) async fn mark_epoch(&self, mark: &EpochMark) -> RedisResult<()> {
        cmd("SET")
            .arg(keys::EPOCH)
            .arg(mark.text())
            .query_async(&mut self.connection())
            .await
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
            run_id: "abc".to_owned(),
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
