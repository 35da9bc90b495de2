//! Noticing that Redis has lost its memory, or a part of it.

use super::{Redis, Server, cluster, slots, time, where_reachable};
use ::redis::{ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, Value, cmd, from_redis_value};
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use std::collections::BTreeSet;

/// How many copies [`Redis::few_copies`] gives of a name.
const FEW: usize = 4;

/// What Redis says about its own memory at one moment.
#[derive(Clone, Debug)]
pub struct Memory {
    /// The server processes that answered, by INFO's `run_id`. A restarted one has lost up to a second, a replica that took
    /// over is another process.
    pub run_ids: BTreeSet<String>,
    /// Whether all masters answered.
    pub complete: bool,
    /// The time of the first that did.
    pub now: DateTime<Utc>,
    marks: Vec<Option<String>>,
}

impl Memory {
    /// The mark, if every process that answered has it and it is everywhere the same. A process that was emptied has none.
    #[must_use]
    pub fn mark(&self) -> Option<&str> {
        let first = self.marks.first()?.as_deref()?;
        self.marks
            .iter()
            .all(|mark| mark.as_deref() == Some(first))
            .then_some(first)
    }

    /// The processes as a text, for a mark.
    #[must_use]
    pub fn processes(&self) -> String {
        self.run_ids.iter().map(String::as_str).collect::<Vec<_>>().join(",")
    }

    /// Whether a text of [`Memory::processes`] names every process that answered. If it does not, memory may be lost.
    #[must_use]
    pub fn is_of(&self, processes: &str) -> bool {
        self.run_ids
            .iter()
            .all(|run_id| processes.split(',').any(|known| known == run_id))
    }

    fn read(answers: Vec<(Vec<Value>, usize)>, complete: bool) -> RedisResult<Self> {
        let (mut run_ids, mut marks, mut now) = (BTreeSet::new(), Vec::new(), None);
        for (replies, count) in answers {
            let mut replies = replies.into_iter();
            let mut next = || replies.next().unwrap_or_default();
            let info: String = from_redis_value(next())?;
            let run_id = info.lines().find_map(|line| line.strip_prefix("run_id:"));
            run_ids.insert(run_id.unwrap_or_default().trim().to_owned());
            let time = time(next())?;
            now = now.or(Some(time));
            for _ in 0..count {
                marks.push(Option::<String>::from_redis_value(next())?);
            }
        }
        let now = now.ok_or_else(|| RedisError::from((ErrorKind::ClusterConnectionNotFound, "no master answers")))?;
        Ok(Self {
            run_ids,
            complete,
            now,
            marks,
        })
    }
}

impl Redis {
    /// What Redis says about its memory, with the mark that stands under the copies of `name`.
    ///
    /// Each master of a cluster is a process of its own that can lose its memory alone. So the mark is kept with every
    /// one of them: a text names the processes by whose memory it was true, and each process has the text in its own
    /// memory. A restart or a replica that took over shows by its run id, an emptied master by the missing copy. Masters
    /// that do not answer are left out, so that the others go on; what they lost shows when they answer again. All
    /// of it is one round trip.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn memory(&self, name: &str) -> RedisResult<Memory> {
        let mut info = cmd("INFO");
        info.arg("server");
        let about = [info, cmd("TIME")];
        match &self.0 {
            Server::Single(connection) => {
                let mut questions = Pipeline::new();
                for command in about {
                    questions.add_command(command);
                }
                questions.cmd("GET").arg(name);
                let replies = questions.query_async(&mut connection.clone()).await?;
                Memory::read(vec![(replies, 1)], true)
            }
            Server::Cluster(cluster) => {
                let answers = cluster.ask_all(&about, name).await?;
                let complete = answers.iter().all(Option::is_some);
                let answers = answers.into_iter().flatten();
                Memory::read(
                    answers.map(|answers| (answers.replies, answers.tags)).collect(),
                    complete,
                )
            }
        }
    }

    /// Writes the mark that [`Redis::memory`] reads, to every master that can be reached.
    ///
    /// # Errors
    /// When none can be, or for another reason.
    pub async fn mark(&self, name: &str, text: &str) -> RedisResult<()> {
        let written = self.copies(name).into_iter().map(|key| {
            let mut redis = self.clone();
            async move { cmd("SET").arg(key).arg(text).query_async::<()>(&mut redis).await }
        });
        where_reachable(join_all(written).await).map(|_| ())
    }

    /// The keys of what is kept with every master of a cluster; on a single Redis just the name. A master that owns less
    /// than a sixteenth of the slots may have none.
    #[must_use]
    pub fn copies(&self, name: &str) -> Vec<String> {
        match &self.0 {
            Server::Single(_) => vec![name.to_owned()],
            Server::Cluster(_) => slots::TAGS.iter().map(|tag| cluster::copy(name, tag)).collect(),
        }
    }

    /// The keys of what is kept with more than one master of a cluster, so that it is there while one is away; on a single
    /// Redis just the name. Use them with [`where_reachable`].
    #[must_use]
    pub fn few_copies(&self, name: &str) -> Vec<String> {
        let copies = self.copies(name);
        let apart = copies.len().div_ceil(FEW);
        copies.into_iter().step_by(apart).collect()
    }
}
