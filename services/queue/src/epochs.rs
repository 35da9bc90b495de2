//! Lives of Redis' memory (`design.md` §8.1). When the mark in Redis is missing or of another server process, places may have
//! been lost: a new epoch begins, admission pauses, and those who were queued come back with their tickets.
//!
//! On a cluster the loss of one master is a loss, for all events: a user's claim or token may lie with another master than
//! the line, and one number that every ticket carries is simpler than one for each master. While a master does not answer,
//! nothing is known to be lost; its lines stand still, the others go on. When it comes back as it was, so does everything;
//! if it comes back as another process or empty, or a replica has taken over, that begins the new epoch. Adding a master
//! begins one too, which costs a pause and no place.

use crate::{
    db::{
        ended_places,
        epochs::{self as rows, EpochRow},
    },
    domain::made_at,
    waiting_line::{EpochMark, Loss, WaitingLine},
};
use chrono::{DateTime, TimeDelta, Utc};
use common::crash;
use sqlx::{Connection as _, PgPool};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::Mutex as AsyncMutex, time::Instant};
use uuid::Uuid;

/// How often the database learns that all is well. Tickets of the time since then count as issued before the loss anyway,
/// so this only bounds how far back the ticket of somebody who was passed over may reach.
const TOUCH_EVERY: Duration = Duration::from_secs(2);
/// Whoever comes this soon after an epoch could not begin shares the failure, or a crowd would wait for the database one
/// after the other.
const FAILURE_SHARED: Duration = Duration::from_secs(1);

/// Watches Redis' memory.
pub(crate) struct Epochs {
    line: WaitingLine,
    pool: PgPool,
    pause: TimeDelta,
    /// For how long after a loss tickets give places back.
    window: TimeDelta,
    known: Mutex<Option<EpochMark>>,
    touched: Mutex<Option<Instant>>,
    /// Held while an epoch begins; when that failed last.
    beginning: AsyncMutex<Option<Instant>>,
}

/// Why the epoch is not known right now.
#[derive(Debug)]
pub(crate) enum EpochError {
    Redis(redis::RedisError),
    Database(sqlx::Error),
}

impl From<redis::RedisError> for EpochError {
    fn from(error: redis::RedisError) -> Self {
        Self::Redis(error)
    }
}

impl From<sqlx::Error> for EpochError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<EpochError> for common::problem::Problem {
    fn from(error: EpochError) -> Self {
        match error {
            EpochError::Redis(error) => error.into(),
            EpochError::Database(error) => error.into(),
        }
    }
}

impl std::fmt::Display for EpochError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Redis(error) => error.fmt(f),
            Self::Database(error) => error.fmt(f),
        }
    }
}

impl Epochs {
    /// Admission pauses for `pause` after a loss, and for `grace` longer tickets give places back.
    pub(crate) fn new(line: WaitingLine, pool: PgPool, pause: Duration, grace: Duration) -> Self {
        let delta = |duration| TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        Self {
            line,
            pool,
            pause: delta(pause),
            window: delta(pause.saturating_add(grace)),
            known: Mutex::default(),
            touched: Mutex::default(),
            beginning: AsyncMutex::default(),
        }
    }

    /// The epoch as this replica last saw it, at most one tick ago.
    pub(crate) async fn current(&self) -> Result<EpochMark, EpochError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some(mark) => Ok(mark),
            None => Ok(self.check().await?.0),
        }
    }

    /// The epoch as it is now, begun anew if places may have been lost, and Redis' time.
    pub(crate) async fn check(&self) -> Result<(EpochMark, DateTime<Utc>), EpochError> {
        let memory = self.line.memory().await?;
        let mark = match EpochMark::of(&memory) {
            Some(mark) => mark,
            None => self.begin().await?,
        };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(mark.clone());
        // While a master is away, nobody knows whether its places are whole.
        if memory.complete {
            self.touch(&mark, memory.now).await;
        }
        Ok((mark, memory.now))
    }

    /// Begins a new epoch, unless another replica does it first.
    ///
    /// The row is written before the mark, and the mark before anybody else may look. Who dies before the mark, or cannot
    /// write it because Redis is away again, leaves a row of an epoch that nobody lived in: the next one has the next number,
    /// so that none is given out twice, and still goes back to the places of the epoch before ([`last_whole_at`]). Without
    /// the database no epoch begins and nobody is admitted or restored; what needs neither goes on.
    async fn begin(&self) -> Result<EpochMark, EpochError> {
        let mut failed = self.beginning.lock().await;
        if failed.is_some_and(|at| at.elapsed() < FAILURE_SHARED) {
            return Err(sqlx::Error::PoolTimedOut.into());
        }
        let begun = self.begin_alone().await;
        *failed = matches!(begun, Err(EpochError::Database(_))).then(Instant::now);
        begun
    }

    async fn begin_alone(&self) -> Result<EpochMark, EpochError> {
        let memory = self.line.memory().await?;
        if let Some(mark) = EpochMark::of(&memory) {
            return Ok(mark);
        }
        // A connection of its own, because the lock lasts as long as the connection: whatever ends this ends the lock.
        let mut connection = self.pool.acquire().await?.detach();
        rows::lock(&mut connection).await?;
        let memory = self.line.memory().await?;
        if let Some(mark) = EpochMark::of(&memory) {
            return Ok(mark);
        }
        let before = rows::latest(&mut connection).await?;
        let loss = last_whole_at(&before, self.window).map(|whole_at| Loss {
            whole_at,
            noticed_at: memory.now,
            resumes_at: memory
                .now
                .checked_add_signed(self.pause)
                .unwrap_or(DateTime::<Utc>::MAX_UTC),
        });
        let epoch = before.first().map_or(1, |row| row.epoch.saturating_add(1));
        let mark = EpochMark {
            epoch,
            run_ids: memory.processes(),
            loss,
        };
        rows::begin(&mut connection, epoch, &mark.run_ids, memory.now).await?;
        crash::point("queue.epoch.recorded");
        self.line.mark_epoch(&mark).await?;
        crash::point("queue.epoch.marked");
        connection.close().await?;
        if loss.is_some() {
            tracing::warn!(
                queue.epoch = epoch,
                "Redis may have lost places: admission pauses and tickets restore them"
            );
        }
        Ok(mark)
    }

    async fn touch(&self, mark: &EpochMark, now: DateTime<Utc>) {
        {
            let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
            if touched.is_some_and(|at| at.elapsed() < TOUCH_EVERY) {
                return;
            }
            *touched = Some(Instant::now());
        }
        let noted = async {
            rows::touch(&self.pool, mark.epoch, &mark.run_ids, now).await?;
            ended_places::forget_old(&self.pool).await
        };
        if let Err(error) = noted.await {
            tracing::warn!(error.message = %error, "cannot note that the places are whole");
        }
    }
}

/// When the places that an epoch after these must give back were last whole. A row tells it of its own epoch; but where that
/// ended before everybody could come back from the loss it began with, the ones before it count too.
fn last_whole_at(rows: &[EpochRow], window: TimeDelta) -> Option<DateTime<Utc>> {
    let was_restored = |row: &&EpochRow| row.last_alive_at - row.began_at >= window;
    let row = rows.iter().find(was_restored).or(rows.last());
    row.map(|row| row.last_alive_at)
}

impl Loss {
    /// Whether nobody is admitted to this event at `now`.
    pub(crate) fn pauses(&self, event: Uuid, now: DateTime<Utc>) -> bool {
        now < self.resumes_at && self.concerns(event)
    }

    /// Whether places of this event may be missing. One that was made after the loss had none; the time is in its id.
    pub(crate) fn concerns(&self, event: Uuid) -> bool {
        made_at(event).is_none_or(|made_at| made_at < self.noticed_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_in_the_middle_of_a_recovery_goes_back_to_the_places_before_both() {
        let time = |second| DateTime::from_timestamp(second, 0).unwrap();
        let row = |epoch, began, alive| EpochRow {
            epoch,
            began_at: time(began),
            last_alive_at: time(alive),
        };
        let window = TimeDelta::seconds(210);
        assert_eq!(last_whole_at(&[], window), None);
        assert_eq!(last_whole_at(&[row(1, 0, 5)], window), Some(time(5)));
        let long = [row(2, 2000, 2210), row(1, 0, 1000)];
        assert_eq!(last_whole_at(&long, window), Some(time(2210)));
        let short = [
            row(4, 3001, 3001),
            row(3, 3000, 3000),
            row(2, 2000, 2209),
            row(1, 0, 1000),
        ];
        assert_eq!(last_whole_at(&short, window), Some(time(1000)));
    }
}
