//! Lives of Redis' memory (`design.md` §8.1). When the mark in Redis is missing or of another server process, places may have
//! been lost: a new epoch begins, admission pauses, and those who were queued come back with their tickets.

use crate::{
    db::epochs as rows,
    domain::made_at,
    waiting_line::{EpochMark, Loss, WaitingLine},
};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use uuid::Uuid;

/// How often the database learns that all is well. Tickets of the time since then count as issued before the loss anyway,
/// so this only bounds how far back an old ticket may reach.
const TOUCH_EVERY: Duration = Duration::from_secs(10);

/// Watches Redis' memory.
pub(crate) struct Epochs {
    line: WaitingLine,
    pool: PgPool,
    pause: TimeDelta,
    known: Mutex<Option<EpochMark>>,
    touched: Mutex<Option<Instant>>,
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
    pub(crate) fn new(line: WaitingLine, pool: PgPool, pause: Duration) -> Self {
        let pause = TimeDelta::from_std(pause).unwrap_or(TimeDelta::MAX);
        Self {
            line,
            pool,
            pause,
            known: Mutex::default(),
            touched: Mutex::default(),
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
        let life = self.line.redis_life().await?;
        let mark = match life.mark {
            Some(mark) if mark.run_id == life.run_id => mark,
            _ => self.begin().await?,
        };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(mark.clone());
        self.touch(&mark, life.now).await;
        Ok((mark, life.now))
    }

    /// Begins a new epoch, unless another replica does it first.
    async fn begin(&self) -> Result<EpochMark, EpochError> {
        let mut transaction = self.pool.begin().await?;
        rows::lock(&mut transaction).await?;
        let life = self.line.redis_life().await?;
        if let Some(mark) = life.mark
            && mark.run_id == life.run_id
        {
            return Ok(mark);
        }
        let before = rows::latest(&mut transaction).await?;
        let loss = before.as_ref().map(|row| Loss {
            whole_at: row.last_alive_at,
            noticed_at: life.now,
            resumes_at: life
                .now
                .checked_add_signed(self.pause)
                .unwrap_or(DateTime::<Utc>::MAX_UTC),
        });
        let epoch = before.map_or(1, |row| row.epoch.saturating_add(1));
        let mark = EpochMark {
            epoch,
            run_id: life.run_id,
            loss,
        };
        rows::begin(&mut transaction, epoch, &mark.run_id, life.now).await?;
        // Marked under the lock, or the next replica in line would see no mark and begin yet another epoch. Should the commit
        // fail, the row follows from the mark (`touch`), so that no number is given out twice.
        self.line.mark_epoch(&mark).await?;
        transaction.commit().await?;
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
        if let Err(error) = rows::touch(&self.pool, mark.epoch, &mark.run_id, now).await {
            tracing::warn!(error.message = %error, "cannot note that the places are whole");
        }
    }
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
