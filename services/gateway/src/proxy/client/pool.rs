use super::connection::Connection;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

/// How many idle connections to one service a thread keeps.
const MAX_IDLE: usize = 512;
/// After so many rounds of upkeep without use a connection is closed: a minute. Services keep theirs longer.
const MAX_ROUNDS: u8 = 12;

/// Idle connections to the replicas of one service. The last one used is the first one used again, so that what is not needed grows old.
#[derive(Debug, Default)]
pub(in crate::proxy) struct Pool {
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    /// Rounds of upkeep that it has seen; to count them is cheaper than to ask for the time at each use.
    rounds: u8,
}

impl Pool {
    /// A connection to this replica that seems to live.
    pub(super) fn take(&self, address: SocketAddr) -> Option<Connection> {
        let mut idle = self.lock();
        while let Some(last) = idle.iter().rposition(|idle| idle.connection.peer() == address) {
            let Idle { connection, .. } = idle.remove(last);
            if connection.is_quiet() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection whose last reply was read to its end.
    pub(super) fn put(&self, connection: Connection) {
        let mut idle = self.lock();
        if idle.len() < MAX_IDLE {
            idle.push(Idle { connection, rounds: 0 });
        }
    }

    /// Closes what is old or was closed by the service.
    pub(super) fn tidy(&self) {
        self.lock().retain_mut(|idle| {
            idle.rounds += 1;
            idle.rounds <= MAX_ROUNDS && idle.connection.is_quiet()
        });
    }

    /// Closes what was closed by the service, and nothing that is old.
    #[cfg(test)]
    pub(super) fn tidy_ended(&self) {
        self.lock().retain(|idle| idle.connection.is_quiet());
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pools of all threads; clones are the same list.
#[derive(Clone, Debug, Default)]
pub(in crate::proxy) struct Pools(Arc<Mutex<Vec<Weak<Pool>>>>);

impl Pools {
    /// Another pool.
    pub(in crate::proxy) fn add(&self) -> Arc<Pool> {
        let pool = Arc::new(Pool::default());
        self.lock().push(Arc::downgrade(&pool));
        pool
    }

    /// A round of upkeep. To be called every five seconds.
    pub(in crate::proxy) fn tidy(&self) {
        self.lock().retain(|pool| match pool.upgrade() {
            Some(pool) => {
                pool.tidy();
                true
            }
            None => false,
        });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Pool>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
