use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Mutex as AsyncMutex, time::Instant};
use uuid::Uuid;

/// Clients may ask for any number of events that do not exist; beyond this many all are forgotten and asked for anew.
const MANY: usize = 2000;
/// Whoever comes this soon after a failure shares it, or a crowd would wait for a dead service one after the other.
const FAILURE_SHARED: Duration = Duration::from_millis(500);
/// Longer than this nobody waits for an answer.
const LOAD_TIMEOUT: Duration = Duration::from_secs(2);

/// What is known of each event for a moment. One task loads; the others take what was known before, or wait for it.
pub(crate) struct PerEventCache<T> {
    slots: Mutex<HashMap<Uuid, Arc<Slot<T>>>>,
}

struct Slot<T> {
    state: Mutex<State<T>>,
    /// Held while loading.
    loading: AsyncMutex<()>,
}

struct State<T> {
    known: Option<(Instant, T)>,
    /// Since when `known` was true, something has happened that it does not show: it is good for a glance only.
    outdated: bool,
    failed: Option<Instant>,
}

/// Why nothing is known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Miss<E> {
    /// Asking failed.
    Failed(E),
    /// Asking failed a moment ago, or took too long.
    Unanswered,
}

/// How old an answer may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MaxAge {
    /// Until then it is as good as new.
    pub(crate) fresh: Duration,
    /// Until then it serves those who would wait for a new one, and all while no new one can be had.
    pub(crate) stale: Duration,
}

impl<T: Clone> PerEventCache<T> {
    pub(crate) fn new() -> Self {
        Self {
            slots: Mutex::default(),
        }
    }

    /// What is known and not older than `age`, be it outdated.
    pub(crate) fn peek(&self, event: Uuid, age: Duration) -> Option<T> {
        let slot = lock(&self.slots).get(&event).cloned()?;
        slot.seen(age)
    }

    /// What is known, else what `load` finds out, else what was known before.
    pub(crate) async fn get<E>(
        &self,
        event: Uuid,
        age: MaxAge,
        load: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<T, Miss<E>> {
        let slot = self.slot(event);
        if let Some(value) = slot.known(age.fresh) {
            return Ok(value);
        }
        let _loading = match (slot.loading.try_lock(), slot.known(age.stale)) {
            (Ok(guard), _) => guard,
            (Err(_), Some(value)) => return Ok(value),
            (Err(_), None) => slot.loading.lock().await,
        };
        if let Some(value) = slot.known(age.fresh) {
            return Ok(value);
        }
        let stale = slot.known(age.stale);
        if slot.failed_lately() {
            return stale.ok_or(Miss::Unanswered);
        }
        // The value is as old as the question, not as the answer.
        let asked = Instant::now();
        let miss = match tokio::time::timeout(LOAD_TIMEOUT, load()).await {
            Ok(Ok(value)) => {
                *lock(&slot.state) = State {
                    known: Some((asked, value.clone())),
                    outdated: false,
                    failed: None,
                };
                return Ok(value);
            }
            Ok(Err(error)) => Miss::Failed(error),
            Err(_) => Miss::Unanswered,
        };
        lock(&slot.state).failed = Some(Instant::now());
        stale.ok_or(miss)
    }

    /// Forgets an event.
    pub(crate) fn forget(&self, event: Uuid) {
        lock(&self.slots).remove(&event);
    }

    /// What is known of an event is not so any more: it is asked for anew, and until then only [`Self::peek`] shows it. Whoever
    /// is loading it right now may have asked too early, so that answer is forgotten too.
    pub(crate) fn outdate(&self, event: Uuid) {
        let mut slots = lock(&self.slots);
        let Some(slot) = slots.get(&event) else { return };
        let known = lock(&slot.state).known.clone();
        slots.insert(event, Slot::new(known));
    }

    fn slot(&self, event: Uuid) -> Arc<Slot<T>> {
        let mut slots = lock(&self.slots);
        if slots.len() >= MANY && !slots.contains_key(&event) {
            slots.clear();
        }
        Arc::clone(slots.entry(event).or_insert_with(|| Slot::new(None)))
    }
}

impl<T: Clone> Slot<T> {
    fn new(outdated: Option<(Instant, T)>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                known: outdated,
                outdated: true,
                failed: None,
            }),
            loading: AsyncMutex::default(),
        })
    }

    fn known(&self, age: Duration) -> Option<T> {
        if lock(&self.state).outdated {
            return None;
        }
        self.seen(age)
    }

    fn seen(&self, age: Duration) -> Option<T> {
        let state = lock(&self.state);
        state
            .known
            .as_ref()
            .filter(|(asked, _)| asked.elapsed() <= age)
            .map(|(_, value)| value.clone())
    }

    fn failed_lately(&self) -> bool {
        lock(&self.state)
            .failed
            .is_some_and(|at| at.elapsed() <= FAILURE_SHARED)
    }
}

/// Nothing panics while it holds one of these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    const AGE: MaxAge = MaxAge {
        fresh: Duration::from_millis(50),
        stale: Duration::from_secs(10),
    };

    #[tokio::test]
    async fn only_one_of_many_loads() {
        let cache = PerEventCache::new();
        let (event, loads) = (Uuid::now_v7(), AtomicU32::new(0));
        let get = || {
            cache.get(event, AGE, async || {
                loads.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(10)).await;
                Ok::<_, ()>(7)
            })
        };
        assert_eq!(tokio::join!(get(), get(), get()), (Ok(7), Ok(7), Ok(7)));
        assert_eq!(loads.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_crowd_shares_a_failure_instead_of_queueing_for_it() {
        let cache = PerEventCache::<u8>::new();
        let (event, loads) = (Uuid::now_v7(), AtomicU32::new(0));
        let get = || {
            cache.get(event, AGE, async || {
                loads.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(10)).await;
                Err("down")
            })
        };
        let (first, second, third) = tokio::join!(get(), get(), get());
        assert_eq!(
            (first, second, third),
            (Err(Miss::Failed("down")), Err(Miss::Unanswered), Err(Miss::Unanswered))
        );
        assert_eq!(loads.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn what_is_outdated_is_good_for_a_glance_only() {
        let cache = PerEventCache::new();
        let event = Uuid::now_v7();
        cache.outdate(event);
        assert_eq!(cache.get(event, AGE, async || Ok::<_, ()>(1)).await, Ok(1));
        cache.outdate(event);
        assert_eq!(cache.peek(event, AGE.stale), Some(1));
        let failed = cache.get(event, AGE, async || Err("down")).await;
        assert_eq!(failed, Err(Miss::Failed("down")), "nobody acts upon it");
        cache.outdate(event);
        assert_eq!(cache.get(event, AGE, async || Ok::<_, ()>(2)).await, Ok(2));
        assert_eq!(cache.peek(event, AGE.stale), Some(2));
    }

    #[tokio::test]
    async fn what_was_known_serves_while_no_answer_comes() {
        let cache = PerEventCache::new();
        let event = Uuid::now_v7();
        let down = async || Err("down");
        assert_eq!(cache.get(event, AGE, async || Ok::<_, ()>(1)).await, Ok(1));
        tokio::time::sleep(AGE.fresh * 2).await;
        assert_eq!(cache.get(event, AGE, down).await, Ok(1));
        tokio::time::sleep(FAILURE_SHARED * 2).await;
        let impatient = MaxAge {
            stale: AGE.fresh,
            ..AGE
        };
        assert_eq!(cache.get(event, impatient, down).await, Err(Miss::Failed("down")));
    }
}
