//! Requests that come together go together. Redis does one thing at a time, and much of what a script costs is the call and not
//! what is done in it. So while a call about an event is under way, further requests of its kind gather, and when the reply
//! has come they go in calls of up to [`MOST`], one after the other: in the order of their arrival, each with its own reply. Who
//! comes alone goes at once.
//!
//! A task makes the calls of one event for as long as anybody waits. Those who wait do nothing else, and each is woken once, by
//! the own reply: however many wait for a Redis that has stalled, the work is as much for each of them. Who is dropped (the
//! client hung up, or the time was over) holds nobody up. Who is dropped before the call is made is not in it; after that the
//! call happens, as with any other command. The tasks end with what they belong to.

use common::redis::is_unavailable;
use redis::{ErrorKind, RedisError, RedisResult};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};
use tokio::{sync::oneshot, task::JoinSet};
use uuid::Uuid;

/// More in one call would hardly cost less each, and hold Redis up for longer.
const MOST: usize = 64;
/// So many events may have had a crowd before the old ones are looked through.
const MANY: usize = 256;

/// Those who wait, for each event. `C` is what all of a call have in common besides the event, `R` a reply.
pub(super) struct Crowds<C, R>(Mutex<Open<C, R>>);

struct Open<C, R> {
    crowds: HashMap<Uuid, Weak<Crowd<C, R>>>,
    callers: JoinSet<()>,
}

/// In the order of their arrival. Nothing once the last one has been called for and the task is about to end.
type Crowd<C, R> = Mutex<Option<VecDeque<Member<C, R>>>>;

struct Member<C, R> {
    user: Uuid,
    common: C,
    reply: oneshot::Sender<RedisResult<R>>,
}

impl<C, R> Crowds<C, R>
where
    C: Copy + PartialEq + Send + 'static,
    R: Send + 'static,
{
    pub(super) fn new() -> Self {
        Self(Mutex::new(Open {
            crowds: HashMap::new(),
            callers: JoinSet::new(),
        }))
    }

    /// The user's own reply to a `call` that is made for one or more users, who have the event and `common` in common.
    pub(super) async fn join<F>(
        &self,
        event: Uuid,
        user: Uuid,
        common: C,
        call: impl Fn(C, Vec<Uuid>) -> F + Send + 'static,
    ) -> RedisResult<R>
    where
        F: Future<Output = RedisResult<Vec<R>>> + Send + 'static,
    {
        let (reply, told) = oneshot::channel();
        self.admit(event, Member { user, common, reply }, call);
        told.await.unwrap_or_else(|_| Err(unanswered()))
    }

    fn admit<F>(&self, event: Uuid, member: Member<C, R>, call: impl Fn(C, Vec<Uuid>) -> F + Send + 'static)
    where
        F: Future<Output = RedisResult<Vec<R>>> + Send + 'static,
    {
        let mut open = lock(&self.0);
        if let Some(crowd) = open.crowds.get(&event).and_then(Weak::upgrade)
            && let Some(waiting) = lock(&crowd).as_mut()
        {
            waiting.push_back(member);
            return;
        }
        let crowd = Arc::new(Crowd::new(Some(VecDeque::from([member]))));
        if open.crowds.len() >= MANY {
            open.crowds.retain(|_, crowd| crowd.strong_count() > 0);
        }
        open.crowds.insert(event, Arc::downgrade(&crowd));
        while open.callers.try_join_next().is_some() {}
        open.callers.spawn(call_for_all(crowd, call));
    }
}

/// Calls for those who wait until there are none.
async fn call_for_all<C, R, F>(crowd: Arc<Crowd<C, R>>, call: impl Fn(C, Vec<Uuid>) -> F)
where
    C: Copy + PartialEq,
    F: Future<Output = RedisResult<Vec<R>>>,
{
    while let Some((common, members)) = next_call(&crowd) {
        let users = members.iter().map(|member| member.user).collect();
        match call(common, users).await {
            Ok(replies) => {
                let mut replies = replies.into_iter();
                for member in members {
                    member.tell(replies.next().ok_or_else(unanswered));
                }
            }
            Err(error) => {
                // They would have gone down with it, had they not waited; and nobody waits for a dead Redis twice.
                let others = if is_unavailable(&error) {
                    everybody(&crowd)
                } else {
                    VecDeque::new()
                };
                for member in members.into_iter().chain(others) {
                    member.tell(Err(error.clone()));
                }
            }
        }
    }
}

/// Those at the front who may go in one call. Nothing, and nobody joins any more, if there is nobody.
fn next_call<C, R>(crowd: &Crowd<C, R>) -> Option<(C, Vec<Member<C, R>>)>
where
    C: Copy + PartialEq,
{
    let mut crowd = lock(crowd);
    let waiting = crowd.as_mut()?;
    let mut members: Vec<Member<C, R>> = Vec::new();
    while members.len() < MOST
        && let Some(next) = waiting.front()
        && members.first().is_none_or(|first| first.common == next.common)
        && let Some(next) = waiting.pop_front()
    {
        if !next.reply.is_closed() {
            members.push(next);
        }
    }
    let Some(first) = members.first() else {
        *crowd = None;
        return None;
    };
    Some((first.common, members))
}

fn everybody<C, R>(crowd: &Crowd<C, R>) -> VecDeque<Member<C, R>> {
    lock(crowd).as_mut().map(std::mem::take).unwrap_or_default()
}

impl<C, R> Member<C, R> {
    /// Who hung up meanwhile is told nothing.
    fn tell(self, reply: RedisResult<R>) {
        let _hung_up = self.reply.send(reply);
    }
}

fn unanswered() -> RedisError {
    RedisError::from((ErrorKind::UnexpectedReturnType, "a script's reply misses somebody"))
}

/// Nothing panics while it holds one of these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        future::poll_fn,
        io,
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };
    use tokio::{sync::Semaphore, task::JoinSet, time::timeout};

    type Calls = Arc<Mutex<Vec<Vec<Uuid>>>>;

    /// Crowds whose calls wait for a permit each, and what was called.
    struct Scene {
        crowds: Arc<Crowds<u8, Uuid>>,
        gate: Arc<Semaphore>,
        calls: Calls,
        event: Uuid,
    }

    impl Scene {
        fn new() -> Self {
            Self {
                crowds: Arc::new(Crowds::new()),
                gate: Arc::new(Semaphore::new(0)),
                calls: Calls::default(),
                event: Uuid::now_v7(),
            }
        }

        /// A request, which echoes its user; a call whose gate is closed fails as a connection does.
        fn request(&self, user: Uuid, common: u8) -> impl Future<Output = RedisResult<Uuid>> + Send + 'static {
            let (crowds, gate, calls, event) = (
                Arc::clone(&self.crowds),
                Arc::clone(&self.gate),
                Arc::clone(&self.calls),
                self.event,
            );
            async move {
                let call = move |_, users: Vec<Uuid>| {
                    let (gate, calls) = (Arc::clone(&gate), Arc::clone(&calls));
                    async move {
                        lock(&calls).push(users.clone());
                        match gate.acquire().await {
                            Ok(permit) => permit.forget(),
                            Err(_) => return Err(io::Error::from(io::ErrorKind::ConnectionReset).into()),
                        }
                        Ok(users)
                    }
                };
                crowds.join(event, user, common, call).await
            }
        }

        fn called(&self) -> Vec<Vec<Uuid>> {
            lock(&self.calls).clone()
        }

        /// Waits until so many calls have begun.
        async fn until_called(&self, calls: usize) {
            while lock(&self.calls).len() < calls {
                tokio::task::yield_now().await;
            }
        }
    }

    fn users<const N: usize>() -> [Uuid; N] {
        std::array::from_fn(|_| Uuid::now_v7())
    }

    #[tokio::test]
    async fn who_comes_meanwhile_goes_together_in_order_and_everybody_gets_the_own_reply() {
        let scene = Scene::new();
        let [first, second, third] = users();
        let others = async {
            scene.until_called(1).await;
            let open_later = async {
                tokio::task::yield_now().await;
                scene.gate.add_permits(2);
            };
            tokio::join!(
                scene.request(second, 0),
                scene.request(third, 0),
                scene.request(second, 0),
                open_later
            )
        };
        let (a, (b, c, again, ())) = tokio::join!(scene.request(first, 0), others);
        assert_eq!([a, b, c, again].map(Result::unwrap), [first, second, third, second]);
        assert_eq!(scene.called(), [vec![first], vec![second, third, second]]);
    }

    #[tokio::test]
    async fn a_call_under_way_takes_nobody_in_and_what_differs_goes_apart() {
        let scene = Scene::new();
        let [first, second, third, other] = users();
        let mut running = JoinSet::new();
        for (user, common) in [(first, 0), (second, 0), (third, 0), (other, 1)] {
            running.spawn(scene.request(user, common));
            scene.until_called(1).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(scene.called(), [vec![first]], "the others wait for its reply");
        scene.gate.add_permits(3);
        while let Some(reply) = running.join_next().await {
            reply.unwrap().unwrap();
        }
        assert_eq!(scene.called(), [vec![first], vec![second, third], vec![other]]);
    }

    #[tokio::test]
    async fn who_hangs_up_holds_nobody_up_and_is_not_called_for() {
        let scene = Scene::new();
        let [first, second, third] = users();
        let mut one = Box::pin(scene.request(first, 0));
        let mut two = Box::pin(scene.request(second, 0));
        let three = scene.request(third, 0);
        let short = Duration::from_millis(5);
        assert!(timeout(short, &mut one).await.is_err());
        assert!(timeout(short, &mut two).await.is_err());
        // The one whose call is under way is gone, and one of those who wait.
        let mut three = Box::pin(three);
        assert!(timeout(short, &mut three).await.is_err());
        drop((one, two));
        scene.gate.add_permits(2);
        assert_eq!(three.await.unwrap(), third);
        assert_eq!(scene.called(), [vec![first], vec![third]]);
        // All who waited are gone before their call: nothing is left of them.
        let mut four = Box::pin(scene.request(first, 0));
        assert!(timeout(short, &mut four).await.is_err());
        let mut five = Box::pin(scene.request(second, 0));
        assert!(timeout(short, &mut five).await.is_err());
        drop((five, four));
        scene.gate.add_permits(2);
        assert_eq!(scene.request(third, 0).await.unwrap(), third);
        assert_eq!(scene.called()[2..], [vec![first], vec![third]]);
    }

    #[tokio::test]
    async fn an_outage_is_shared_by_those_who_waited_and_by_nobody_later() {
        let scene = Scene::new();
        let [first, second] = users();
        let mut running = JoinSet::new();
        for user in [first, second] {
            running.spawn(scene.request(user, 0));
            scene.until_called(1).await;
            tokio::task::yield_now().await;
        }
        scene.gate.close();
        while let Some(reply) = running.join_next().await {
            assert!(is_unavailable(&reply.unwrap().unwrap_err()));
        }
        assert_eq!(scene.called(), [vec![first]], "one attempt, one time-out");
        let later = Scene {
            gate: Arc::new(Semaphore::new(1)),
            ..scene
        };
        assert_eq!(later.request(second, 0).await.unwrap(), second);
    }

    /// Counts how often a request is looked at.
    async fn counted<T>(polls: Arc<AtomicUsize>, request: impl Future<Output = T>) -> T {
        let mut request = Box::pin(request);
        poll_fn(|context| {
            polls.fetch_add(1, Ordering::Relaxed);
            request.as_mut().poll(context)
        })
        .await
    }

    #[tokio::test]
    async fn thousands_behind_a_call_that_hangs_are_as_much_work_each_as_one() {
        const MANY: usize = 4000;
        let scene = Scene::new();
        let polls = Arc::new(AtomicUsize::new(0));
        let mut running = JoinSet::new();
        for number in 0..MANY {
            running.spawn(counted(Arc::clone(&polls), scene.request(Uuid::now_v7(), 0)));
            if number == 0 {
                scene.until_called(1).await;
            }
        }
        let calls = 1 + (MANY - 1).div_ceil(MOST);
        for call in 1..=calls {
            scene.until_called(call).await;
            // All who are awake look, before the reply comes.
            for _ in 0..MANY / 8 {
                tokio::task::yield_now().await;
            }
            scene.gate.add_permits(1);
        }
        while let Some(reply) = running.join_next().await {
            reply.unwrap().unwrap();
        }
        let sizes: Vec<usize> = scene.called().iter().map(Vec::len).collect();
        assert_eq!((sizes[0], sizes.len()), (1, calls));
        assert!(sizes.iter().all(|size| *size <= MOST));
        let polls = polls.load(Ordering::Relaxed);
        assert!(polls <= 4 * MANY, "{polls} looks at {MANY} requests");
    }
}
