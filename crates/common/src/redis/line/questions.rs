//! Who has asked what on a line, and waits for which reply.

use super::{super::resp::read_reply, DEAD};
use ::redis::{ConnectionInfo, ErrorKind, RedisError, RedisResult, Value};
use std::{
    collections::VecDeque,
    io, mem,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};
use tokio::time::Instant;

/// What a line's askers and its driver share.
pub(super) struct Shared {
    pub(super) server: ConnectionInfo,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    /// Commands that were not handed to the connection yet.
    pub(super) unsent: Vec<u8>,
    pub(super) asked: Vec<Asked>,
    /// The places in `asked` that are free.
    pub(super) free: Vec<usize>,
    /// Who waits for replies, in the order in which they come.
    pub(super) order: VecDeque<usize>,
    /// Whether there is a task that drives the connection.
    pub(super) driven: bool,
    /// That task, if it waits for something to send.
    pub(super) driver: Option<Waker>,
}

/// A question that was asked.
pub(super) struct Asked {
    since: Instant,
    /// Replies that are still to come.
    missing: usize,
    replies: Vec<Value>,
    /// Why they will not.
    failed: Option<RedisError>,
    /// Nobody will take them.
    abandoned: bool,
    asker: Option<Waker>,
}

/// The wait for the replies to a question.
pub(super) struct Answer<'a> {
    shared: &'a Shared,
    place: usize,
    /// On loan from the place once they are there.
    replies: Vec<Value>,
}

impl<'a> Answer<'a> {
    /// Whatever ends the wait, the drop of this gives the place back.
    pub(super) fn new(shared: &'a Shared, place: usize) -> Self {
        let replies = Vec::new();
        Self { shared, place, replies }
    }

    pub(super) fn replies(&self) -> &[Value] {
        &self.replies
    }
}

impl Future for Answer<'_> {
    type Output = RedisResult<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let mut state = this.shared.lock();
        let asked = &mut state.asked[this.place];
        if let Some(error) = asked.failed.take() {
            return Poll::Ready(Err(error));
        }
        if asked.missing == 0 {
            mem::swap(&mut this.replies, &mut asked.replies);
            return Poll::Ready(Ok(()));
        }
        match &mut asked.asker {
            Some(asker) => asker.clone_from(cx.waker()),
            asker @ None => *asker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        let asked = &mut state.asked[self.place];
        asked.asker = None;
        if !self.replies.is_empty() {
            mem::swap(&mut self.replies, &mut asked.replies);
        }
        // Its replies may still come, and must find a place.
        if asked.missing == 0 {
            state.free.push(self.place);
        } else {
            asked.abandoned = true;
        }
    }
}

impl Shared {
    pub(super) fn new(server: ConnectionInfo) -> Self {
        let state = Mutex::default();
        Self { server, state }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails who waits.
    pub(super) fn fail(&self, error: &RedisError) {
        let mut state = self.lock();
        state.unsent.clear();
        while let Some(place) = state.order.pop_front() {
            let asked = &mut state.asked[place];
            asked.missing = 0;
            if asked.abandoned {
                state.free.push(place);
            } else {
                // Who was told of its limit before has not looked yet.
                asked.failed.get_or_insert_with(|| error.clone());
                wake(&mut asked.asker);
            }
        }
    }

    /// Fails who waits for longer than the limit. Returns whether nothing has come for so long that nothing will.
    pub(super) fn look_after(&self, limit: Duration) -> bool {
        let mut state = self.lock();
        let State { asked, order, .. } = &mut *state;
        let late = order.iter().map_while(|place| {
            let age = asked[*place].since.elapsed();
            (age >= limit).then_some((*place, age))
        });
        let late: Vec<_> = late.collect();
        for (place, _) in &late {
            let asked = &mut asked[*place];
            if asked.failed.is_none() && !asked.abandoned {
                asked.failed = Some(timed_out());
                wake(&mut asked.asker);
            }
        }
        late.first().is_some_and(|(_, age)| *age >= DEAD)
    }
}

impl State {
    /// A place for a question that was just written.
    pub(super) fn enter(&mut self, commands: usize) -> usize {
        let mut new = Asked {
            since: Instant::now(),
            missing: commands,
            replies: Vec::new(),
            failed: None,
            abandoned: false,
            asker: None,
        };
        let place = match self.free.pop() {
            Some(place) => {
                let asked = &mut self.asked[place];
                // Their room is used again.
                asked.replies.clear();
                mem::swap(&mut new.replies, &mut asked.replies);
                *asked = new;
                place
            }
            None => {
                self.asked.push(new);
                self.asked.len() - 1
            }
        };
        self.order.push_back(place);
        place
    }

    /// Gives a reply to who has waited longest.
    fn answer(&mut self, reply: Value) -> RedisResult<()> {
        let place = *self
            .order
            .front()
            .ok_or_else(|| RedisError::from((ErrorKind::Parse, "Redis has answered what nobody asked")))?;
        let asked = &mut self.asked[place];
        asked.missing -= 1;
        if !asked.abandoned {
            asked.replies.push(reply);
        }
        if asked.missing == 0 {
            wake(&mut asked.asker);
            let abandoned = asked.abandoned;
            self.order.pop_front();
            if abandoned {
                self.free.push(place);
            }
        }
        Ok(())
    }

    /// Gives out every reply that stands in `bytes` as a whole, and counts what was used.
    pub(super) fn hand_out(&mut self, bytes: &[u8], used: &mut usize) -> RedisResult<()> {
        while let Some((reply, length)) = read_reply(&bytes[*used..])? {
            *used += length;
            self.answer(reply)?;
        }
        Ok(())
    }
}

fn wake(asker: &mut Option<Waker>) {
    if let Some(asker) = asker.take() {
        asker.wake();
    }
}

pub(super) fn timed_out() -> RedisError {
    RedisError::from(io::Error::from(io::ErrorKind::TimedOut))
}
