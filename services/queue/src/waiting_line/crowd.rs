//! Requests that come together go together. Redis does one thing at a time, and much of what a script costs is the call and not
//! what is done in it. So while a call about an event is under way, further requests of its kind gather, and when the reply
//! has come they go as one call: in the order of their arrival, each with its own reply. Who comes alone goes at once.
//!
//! There is no task behind this. A crowd's call is a future that all who wait for it share: whichever of them is awake moves
//! it on, so one that is dropped (its client hung up, or its time was over) holds nobody up. Who is dropped before the call
//! is made is not in it; after that the call happens, as with any other command.

use common::redis::is_unavailable;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use redis::{ErrorKind, RedisError, RedisResult};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use uuid::Uuid;

/// More in one call would hardly cost less each, and hold Redis up for longer.
const MOST: usize = 64;
/// So many events may have had a crowd before the old ones are looked through.
const MANY: usize = 256;

/// The newest crowd of each event. `C` is what all of a crowd have in common besides the event, `R` a reply.
pub(super) struct Crowds<C, R>(Mutex<HashMap<Uuid, Crowd<C, R>>>);

struct Crowd<C, R> {
    common: C,
    members: Members,
    call: WeakShared<Call<R>>,
}

/// Nothing once the call has begun. A member that was dropped before leaves a gap.
type Members = Arc<Mutex<Option<Vec<Option<Uuid>>>>>;
type Call<R> = BoxFuture<'static, RedisResult<Arc<[Option<R>]>>>;

impl<C, R> Crowds<C, R>
where
    C: Copy + PartialEq,
    R: Clone + Send + Sync + 'static,
{
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// The user's own reply to a `call` that is made for one or more users, who have the event and `common` in common.
    pub(super) async fn join<F>(
        &self,
        event: Uuid,
        user: Uuid,
        common: C,
        call: impl FnOnce(Vec<Uuid>) -> F + Send + 'static,
    ) -> RedisResult<R>
    where
        F: Future<Output = RedisResult<Vec<R>>> + Send + 'static,
    {
        let (member, call) = self.admit(event, user, common, call);
        let replies = call.await?;
        let reply = replies.get(member.index).cloned().flatten();
        reply.ok_or_else(|| RedisError::from((ErrorKind::UnexpectedReturnType, "a script's reply misses somebody")))
    }

    fn admit<F>(
        &self,
        event: Uuid,
        user: Uuid,
        common: C,
        call: impl FnOnce(Vec<Uuid>) -> F + Send + 'static,
    ) -> (Member, Shared<Call<R>>)
    where
        F: Future<Output = RedisResult<Vec<R>>> + Send + 'static,
    {
        let mut crowds = lock(&self.0);
        let before = crowds
            .get(&event)
            .and_then(|crowd| Some((crowd, crowd.call.upgrade()?)));
        if let Some((crowd, call)) = &before
            && crowd.common == common
            && let Some(member) = Member::join(&crowd.members, user)
        {
            return (member, call.clone());
        }
        let before = before.map(|(_, call)| call);
        let members = Members::new(Mutex::new(Some(vec![Some(user)])));
        let call = together(before, Arc::clone(&members), call).boxed().shared();
        if crowds.len() >= MANY {
            crowds.retain(|_, crowd| crowd.call.upgrade().is_some());
        }
        if let Some(weak) = call.downgrade() {
            let crowd = Crowd {
                common,
                members: Arc::clone(&members),
                call: weak,
            };
            crowds.insert(event, crowd);
        }
        (Member { members, index: 0 }, call)
    }
}

/// Waits for the call before, then calls for those who are still there.
async fn together<R, F>(
    before: Option<Shared<Call<R>>>,
    members: Members,
    call: impl FnOnce(Vec<Uuid>) -> F,
) -> RedisResult<Arc<[Option<R>]>>
where
    R: Clone,
    F: Future<Output = RedisResult<Vec<R>>>,
{
    if let Some(before) = before
        && let Err(error) = before.await
        && is_unavailable(&error)
    {
        // They would have gone down with it, had they not waited; and nobody waits for a dead Redis twice.
        return Err(error);
    }
    let members = lock(&members).take().unwrap_or_default();
    let users: Vec<Uuid> = members.iter().flatten().copied().collect();
    let mut replies = call(users).await?.into_iter();
    Ok(members
        .iter()
        .map(|member| member.and_then(|_| replies.next()))
        .collect())
}

/// Somebody's share in a crowd, given up when dropped.
struct Member {
    members: Members,
    index: usize,
}

impl Member {
    /// Nothing if the call has begun or the crowd is large enough.
    fn join(members: &Members, user: Uuid) -> Option<Self> {
        let mut waiting = lock(members);
        let waiting = waiting.as_mut().filter(|waiting| waiting.len() < MOST)?;
        waiting.push(Some(user));
        Some(Self {
            index: waiting.len() - 1,
            members: Arc::clone(members),
        })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(place) = lock(&self.members)
            .as_mut()
            .and_then(|waiting| waiting.get_mut(self.index))
        {
            *place = None;
        }
    }
}

/// Nothing panics while it holds one of these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io, time::Duration};
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
                let call = move |users: Vec<Uuid>| async move {
                    lock(&calls).push(users.clone());
                    match gate.acquire().await {
                        Ok(permit) => permit.forget(),
                        Err(_) => return Err(io::Error::from(io::ErrorKind::ConnectionReset).into()),
                    }
                    Ok(users)
                };
                crowds.join(event, user, common, call).await
            }
        }

        fn called(&self) -> Vec<Vec<Uuid>> {
            lock(&self.calls).clone()
        }
    }

    fn users<const N: usize>() -> [Uuid; N] {
        std::array::from_fn(|_| Uuid::now_v7())
    }

    #[tokio::test]
    async fn who_comes_meanwhile_goes_together_in_order_and_everybody_gets_the_own_reply() {
        let scene = Scene::new();
        let [first, second, third] = users();
        let open_later = async {
            tokio::task::yield_now().await;
            scene.gate.add_permits(2);
        };
        let (a, b, c, again, ()) = tokio::join!(
            scene.request(first, 0),
            scene.request(second, 0),
            scene.request(third, 0),
            scene.request(second, 0),
            open_later
        );
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
        // All of a crowd are gone before its call: nothing is left of them.
        let mut four = Box::pin(scene.request(first, 0));
        assert!(timeout(short, &mut four).await.is_err());
        let mut five = Box::pin(scene.request(second, 0));
        assert!(timeout(short, &mut five).await.is_err());
        drop((five, four));
        scene.gate.add_permits(1);
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

    #[tokio::test]
    async fn a_crowd_has_a_limit() {
        let scene = Scene::new();
        let mut running = JoinSet::new();
        for _ in 0..MOST + 2 {
            running.spawn(scene.request(Uuid::now_v7(), 0));
        }
        // The runtime looks up after some dozens of tasks.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        scene.gate.add_permits(10);
        while let Some(reply) = running.join_next().await {
            reply.unwrap().unwrap();
        }
        let sizes: Vec<usize> = scene.called().iter().map(Vec::len).collect();
        assert_eq!(sizes, [1, MOST, 1]);
    }
}
