//! Objects of one kind, in this process, in Redis, and loaded from the database by one of all processes.

use super::{
    config::CacheConfig,
    limit::{LoadLimit, busy},
    shared::{Found, Look, Shared},
    slot::{Outcome, Slot, Turn},
};
use common::problem::{ApiResult, Problem};
use quick_cache::sync::Cache as Local;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// How often somebody who waits for another process's load looks.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What can be kept in Redis.
pub(crate) trait Cached: Send + Sync + Sized + 'static {
    /// Its name in metrics.
    const NAME: &'static str;

    /// As it stands in Redis.
    fn to_bytes(&self) -> anyhow::Result<Vec<u8>>;

    /// Read back; a later release may not be able to.
    fn from_bytes(bytes: &[u8]) -> anyhow::Result<Self>;
}

/// What a load gives.
pub(crate) struct Loaded<T> {
    pub(crate) value: T,
    /// How long it may be kept.
    pub(crate) ttl: Duration,
}

/// An object and the name of its making.
pub(crate) struct Held<T> {
    pub(crate) value: T,
    made: String,
    tag: String,
}

impl<T> Held<T> {
    /// An object that Redis does not have.
    pub(crate) fn unshared(value: T, tag: &str) -> Self {
        Self {
            value,
            made: String::new(),
            tag: tag.to_owned(),
        }
    }
}

/// The objects of one kind.
pub(crate) struct Cache<T> {
    local: Local<String, Arc<Slot<Held<T>>>>,
    shared: Arc<Shared>,
    limit: LoadLimit,
    known_for: Duration,
    /// How long another process's load is waited for.
    patience: Duration,
}

impl<T: Cached> Cache<T> {
    pub(crate) fn new(shared: &Arc<Shared>, limit: &LoadLimit, config: &CacheConfig, entries: usize) -> Self {
        Self {
            local: Local::new(entries),
            shared: Arc::clone(shared),
            limit: limit.clone(),
            known_for: config.known_for,
            // Whoever dies loading gives way after one lock; this allows for a second one.
            patience: config.lock * 2,
        }
    }

    /// The object under the key as it was made for `tag`; nothing if it does not exist.
    ///
    /// | who dies where | then |
    /// |---|---|
    /// | the loader, in this process (its client hung up) | the next request of this process takes over at once |
    /// | the loader's process | others wait until its lock ends, then one of them loads |
    /// | Redis | each process asks the database, once per `known_for` and key |
    ///
    /// # Errors
    /// 503 when it cannot be found out: too many loads wait already, or the database does not answer.
    pub(crate) async fn get<F>(
        &self,
        key: &str,
        tag: &str,
        load: impl Fn() -> F + Send,
    ) -> ApiResult<Option<Arc<Held<T>>>>
    where
        F: Future<Output = ApiResult<Option<Loaded<T>>>> + Send,
    {
        let slot = self.slot(key);
        match slot.turn(self.known_for, |held| held.tag == tag).await {
            Turn::Fresh(held) => Ok(Self::count("local", Some(held))),
            Turn::Stale(held) => Ok(Self::count("stale", Some(held))),
            Turn::Told(outcome) => Self::told(outcome),
            Turn::Mine(turn) => self.find(key, tag, &slot, turn, load).await,
        }
    }

    /// As [`Cache::get`], for what is not worth a place in Redis: it is kept in this process alone, until it is over or the
    /// tag changes.
    pub(crate) async fn get_here<F>(
        &self,
        key: &str,
        tag: &str,
        load: impl Fn() -> F + Send,
    ) -> ApiResult<Option<Arc<Held<T>>>>
    where
        F: Future<Output = ApiResult<Option<Loaded<T>>>> + Send,
    {
        let slot = self.slot(key);
        let _turn = match slot.turn(Duration::from_secs(3600), |held| held.tag == tag).await {
            Turn::Fresh(held) => return Ok(Self::count("local", Some(held))),
            Turn::Stale(held) => return Ok(Self::count("stale", Some(held))),
            Turn::Told(outcome) => return Self::told(outcome),
            Turn::Mine(turn) => turn,
        };
        self.without_redis(key, tag, &slot, load).await
    }

    /// Forgets what this process has under the key, and whatever it is loading there.
    pub(crate) fn forget_here(&self, key: &str) {
        // Who still loads has a slot that nobody will ever look into again.
        self.local.remove(key);
    }

    fn slot(&self, key: &str) -> Arc<Slot<Held<T>>> {
        if let Some(slot) = self.local.get(key) {
            return slot;
        }
        let made = self
            .local
            .get_or_insert_with(key, || Ok::<_, std::convert::Infallible>(Arc::default()));
        made.unwrap_or_default()
    }

    async fn find<F>(
        &self,
        key: &str,
        tag: &str,
        slot: &Slot<Held<T>>,
        turn: tokio::sync::MutexGuard<'_, ()>,
        load: impl Fn() -> F + Send,
    ) -> ApiResult<Option<Arc<Held<T>>>>
    where
        F: Future<Output = ApiResult<Option<Loaded<T>>>> + Send,
    {
        let began = Instant::now();
        while began.elapsed() < self.patience {
            let asked = Instant::now();
            let known = slot.kept().filter(|held| held.tag == tag);
            let made = known.as_ref().map_or("", |held| held.made.as_str());
            // If this process loads it already, that request only gave its turn back.
            let takes_over = !slot.is_refreshing();
            match self.shared.look(key, tag, made, takes_over).await {
                Ok(Look::Show(found)) => {
                    let ends_in = found.ends_in;
                    let Some(held) = Self::read(found, tag, known) else {
                        break;
                    };
                    slot.keep(Arc::clone(&held), asked, ends_in);
                    return Ok(Self::count("redis", Some(held)));
                }
                Ok(Look::Load { token, old: Some(old) }) => {
                    let ends_in = old.ends_in;
                    let Some(held) = Self::read(old, tag, known) else {
                        self.shared.release(key, &token).await;
                        break;
                    };
                    // It still holds: the others go on with it, and look after it as long as this load takes.
                    let refreshing = slot.refresh();
                    slot.keep(Arc::clone(&held), asked, ends_in);
                    drop(turn);
                    let refreshed = self.load_under(key, tag, &token, slot, &load).await;
                    drop(refreshing);
                    return Ok(match refreshed {
                        Ok(Some(result)) => Self::count("refreshed", result),
                        Ok(None) | Err(_) => Self::count("stale", Some(held)),
                    });
                }
                Ok(Look::Load { token, old: None }) => match self.load_under(key, tag, &token, slot, &load).await {
                    Ok(Some(result)) => return Ok(Self::count("loaded", result)),
                    // What was loaded may be of before a change: once more.
                    Ok(None) => {}
                    Err(problem) => {
                        slot.end(Outcome::Failed);
                        return Err(problem);
                    }
                },
                Ok(Look::Wait) => sleep(LOOK_AGAIN).await,
                Err(_) => break,
            }
        }
        self.without_redis(key, tag, slot, load).await
    }

    /// Loads and keeps the object. `None` if its key was forgotten meanwhile, so that it may be outdated.
    async fn load_under<F>(
        &self,
        key: &str,
        tag: &str,
        token: &str,
        slot: &Slot<Held<T>>,
        load: &impl Fn() -> F,
    ) -> ApiResult<Option<Option<Arc<Held<T>>>>>
    where
        F: Future<Output = ApiResult<Option<Loaded<T>>>> + Send,
    {
        let asked = Instant::now();
        let loaded = match self.load(load).await {
            Ok(Some(loaded)) => loaded,
            Ok(None) => {
                self.shared.release(key, token).await;
                self.missing(key, slot);
                return Ok(Some(None));
            }
            Err(problem) => {
                self.shared.release(key, token).await;
                return Err(problem);
            }
        };
        let bytes = loaded.value.to_bytes()?;
        let stored = self.shared.store(key, token, tag, &bytes, loaded.ttl).await;
        if matches!(stored, Ok(false)) {
            Self::count_load("outdated");
            return Ok(None);
        }
        Self::count_load(if stored.is_ok() { "stored" } else { "not_stored" });
        let held = Arc::new(Held {
            value: loaded.value,
            made: token.to_owned(),
            tag: tag.to_owned(),
        });
        slot.keep(Arc::clone(&held), asked, loaded.ttl);
        Ok(Some(Some(held)))
    }

    /// Straight from the database.
    async fn without_redis<F>(
        &self,
        key: &str,
        tag: &str,
        slot: &Slot<Held<T>>,
        load: impl Fn() -> F,
    ) -> ApiResult<Option<Arc<Held<T>>>>
    where
        F: Future<Output = ApiResult<Option<Loaded<T>>>> + Send,
    {
        let asked = Instant::now();
        let loaded = match self.load(&load).await {
            Ok(Some(loaded)) => loaded,
            Ok(None) => {
                self.missing(key, slot);
                return Ok(Self::count("loaded", None));
            }
            Err(problem) => {
                slot.end(Outcome::Failed);
                return Err(problem);
            }
        };
        Self::count_load("unshared");
        let held = Arc::new(Held::unshared(loaded.value, tag));
        slot.keep(Arc::clone(&held), asked, loaded.ttl);
        Ok(Self::count("loaded", Some(held)))
    }

    async fn load<F>(&self, load: &impl Fn() -> F) -> ApiResult<Option<Loaded<T>>>
    where
        F: Future<Output = ApiResult<Option<Loaded<T>>>> + Send,
    {
        let _permit = self.limit.turn().await?;
        let began = Instant::now();
        let loaded = load().await;
        metrics::histogram!("cache_load_duration_seconds", "object" => T::NAME).record(began.elapsed().as_secs_f64());
        if loaded.is_err() {
            Self::count_load("failed");
        }
        loaded
    }

    /// Nothing is kept of what does not exist: there is no end of ids that somebody could try.
    fn missing(&self, key: &str, slot: &Slot<Held<T>>) {
        slot.end(Outcome::Missing);
        self.local.remove(key);
        Self::count_load("missing");
    }

    /// What Redis has. Nothing if this release cannot read it.
    fn read(found: Found, tag: &str, known: Option<Arc<Held<T>>>) -> Option<Arc<Held<T>>> {
        let Some(value) = found.value else { return known };
        match T::from_bytes(&value) {
            Ok(value) => Some(Arc::new(Held {
                value,
                made: found.made,
                tag: tag.to_owned(),
            })),
            Err(error) => {
                tracing::warn!(cache.object = T::NAME, error.message = %error, "a cached object cannot be read");
                None
            }
        }
    }

    fn told(outcome: Outcome<Held<T>>) -> Result<Option<Arc<Held<T>>>, Problem> {
        match outcome {
            Outcome::Found(held) => Ok(Self::count("waited", Some(held))),
            Outcome::Missing => Ok(Self::count("waited", None)),
            Outcome::Failed => Err(busy()),
        }
    }

    fn count(outcome: &'static str, result: Option<Arc<Held<T>>>) -> Option<Arc<Held<T>>> {
        metrics::counter!("cache_requests_total", "object" => T::NAME, "outcome" => outcome).increment(1);
        result
    }

    fn count_load(outcome: &'static str) {
        metrics::counter!("cache_loads_total", "object" => T::NAME, "outcome" => outcome).increment(1);
    }
}
