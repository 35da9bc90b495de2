//! Several processes of one service: which of them a call goes to.
//!
//! A service's address may be several, with commas between, and a name may have several addresses: all of them are called. Each
//! call takes the next two in turn and goes to the one with fewer calls under way, so that a slow replica gets fewer.
//!
//! *Who may die where.* A replica that takes no connection has had no effect, so whoever calls goes on to the next one at
//! once, with any method. It is left out for a second, then for two, up to half a minute; so is one that failed five times in
//! a row. When its time is over, one call finds out whether it is back while the others still go elsewhere. If all are left
//! out, they are called all the same, the one first that has been out for longest: whether the *service* is to be called at
//! all is its circuit breaker's question, which judges what the caller gets in the end.
//!
//! Names are looked up again every five seconds, and a second after a replica was not reachable. The call that does so waits
//! for it; the others go on with what is known, and what is known stays if nobody answers.

mod addresses;
mod health;

pub use self::addresses::ServiceAddresses;
use self::health::{Health, State};
use arc_swap::ArcSwapOption;
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{sync::Mutex, time::timeout};

/// How long the addresses of names are believed.
const FRESH_FOR: Duration = Duration::from_secs(5);
/// And how long once one of them was not reachable: it may have moved.
const DOUBTED_FOR: Duration = Duration::from_secs(1);
/// How long a look-up may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);

/// The replicas of one service, as this process sees them.
#[derive(Debug)]
pub struct Replicas {
    service: &'static str,
    addresses: ServiceAddresses,
    /// None before names were looked up for the first time.
    known: ArcSwapOption<Known>,
    doubted: AtomicBool,
    /// Held while looking up.
    asking: Mutex<()>,
    turn: AtomicUsize,
}

#[derive(Debug)]
struct Known {
    at: Instant,
    members: Vec<Arc<Replica>>,
}

#[derive(Debug)]
struct Replica {
    address: SocketAddr,
    /// Calls without an answer yet.
    busy: AtomicU32,
    health: Health,
}

/// A replica that a call goes to. It counts as busy until this is dropped; what became of the call is to be told.
#[derive(Debug)]
pub struct Chosen<'a> {
    of: &'a Replicas,
    replica: Arc<Replica>,
    /// A replica without others needs neither count nor health.
    is_only: bool,
}

impl Replicas {
    /// Of the service `service`, which is its name in logs and metrics.
    #[must_use]
    pub fn new(service: &'static str, addresses: ServiceAddresses) -> Self {
        let known = addresses.fixed().map(|addresses| {
            Arc::new(Known {
                at: Instant::now(),
                members: merge(&[], addresses),
            })
        });
        metrics::counter!("upstream_replica_ejections_total", "upstream" => service).increment(0);
        Self {
            service,
            addresses,
            known: ArcSwapOption::new(known),
            doubted: AtomicBool::new(false),
            asking: Mutex::default(),
            // Callers that start together shall not march in step.
            turn: AtomicUsize::new(usize::from(rand::random::<u16>())),
        }
    }

    /// A replica for a call, none of these; `None` if there is no other.
    ///
    /// # Errors
    /// When the name has no address, or nobody says which.
    pub async fn choose(&self, tried: &[SocketAddr]) -> io::Result<Option<Chosen<'_>>> {
        let known = self.known().await?;
        let is_only = known.members.len() == 1;
        let chosen = if is_only {
            known.members.first().filter(|only| !tried.contains(&only.address))
        } else {
            pick(&known.members, self.turn.fetch_add(1, Ordering::Relaxed), tried)
        };
        Ok(chosen.map(|replica| {
            if !is_only {
                replica.busy.fetch_add(1, Ordering::Relaxed);
            }
            Chosen {
                of: self,
                replica: Arc::clone(replica),
                is_only,
            }
        }))
    }

    async fn known(&self) -> io::Result<Arc<Known>> {
        let Some(known) = self.known.load_full() else {
            let _asking = self.asking.lock().await;
            // Somebody may have asked meanwhile.
            return match self.known.load_full() {
                Some(known) => Ok(known),
                None => self.look_up(&[]).await,
            };
        };
        if !self.addresses.has_names() || known.at.elapsed() < self.believed_for() {
            return Ok(known);
        }
        let Ok(_asking) = self.asking.try_lock() else {
            return Ok(known);
        };
        match self.look_up(&known.members).await {
            Ok(known) => Ok(known),
            Err(error) => {
                tracing::warn!(
                    upstream.name = self.service,
                    error.message = %error,
                    "the addresses of a service cannot be looked up; those known are used on"
                );
                self.keep(known.members.clone());
                Ok(known)
            }
        }
    }

    fn believed_for(&self) -> Duration {
        if self.doubted.load(Ordering::Relaxed) {
            DOUBTED_FOR
        } else {
            FRESH_FOR
        }
    }

    async fn look_up(&self, before: &[Arc<Replica>]) -> io::Result<Arc<Known>> {
        let found = timeout(LOOKUP_TIMEOUT, self.addresses.look_up()).await;
        let found =
            found.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "the look-up took too long")))?;
        Ok(self.keep(merge(before, found)))
    }

    fn keep(&self, members: Vec<Arc<Replica>>) -> Arc<Known> {
        let at = Instant::now();
        let known = Arc::new(Known { at, members });
        self.known.store(Some(Arc::clone(&known)));
        self.doubted.store(false, Ordering::Relaxed);
        known
    }
}

/// Those with these addresses; what is known of one stays with it.
fn merge(before: &[Arc<Replica>], addresses: Vec<SocketAddr>) -> Vec<Arc<Replica>> {
    let of = |address| {
        let known = before.iter().find(|replica| replica.address == address);
        known.cloned().unwrap_or_else(|| {
            Arc::new(Replica {
                address,
                busy: AtomicU32::new(0),
                health: Health::default(),
            })
        })
    };
    addresses.into_iter().map(of).collect()
}

/// The less busy of the next two that are well, or the one whose time to be tried again has come; else the one that has been
/// left out for longest.
fn pick<'a>(members: &'a [Arc<Replica>], turn: usize, tried: &[SocketAddr]) -> Option<&'a Arc<Replica>> {
    let (from_turn, before) = (
        turn % members.len().max(1)..members.len(),
        0..turn % members.len().max(1),
    );
    let mut well: Option<&Arc<Replica>> = None;
    let mut out: Option<&Arc<Replica>> = None;
    for replica in from_turn.chain(before).map(|index| &members[index]) {
        if tried.contains(&replica.address) {
            continue;
        }
        match replica.health.state() {
            State::Trial => return Some(replica),
            State::In => match well {
                None => well = Some(replica),
                Some(first) => {
                    let busy = |replica: &Replica| replica.busy.load(Ordering::Relaxed);
                    return Some(if busy(replica) < busy(first) { replica } else { first });
                }
            },
            State::Out => {
                if out.is_none_or(|other| replica.health.until() < other.health.until()) {
                    out = Some(replica);
                }
            }
        }
    }
    well.or(out)
}

impl Chosen<'_> {
    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.replica.address
    }

    /// It answered, with whatever a service that works may say.
    pub fn succeeded(&self) {
        if !self.is_only && self.replica.health.succeeded() {
            tracing::info!(
                upstream.name = self.of.service,
                upstream.address = %self.replica.address,
                "a replica is back and called again"
            );
        }
    }

    /// It gave no answer, or one that says that it does not work.
    pub fn failed(&self) {
        if !self.is_only && self.replica.health.failed() {
            self.tell("it failed several times in a row");
        }
    }

    /// It took no connection. Perhaps it has moved, so names are looked up sooner.
    pub fn unreachable(&self) {
        self.of.doubted.store(true, Ordering::Relaxed);
        if !self.is_only && self.replica.health.unreachable() {
            self.tell("it takes no connection");
        }
    }

    fn tell(&self, why: &str) {
        metrics::counter!("upstream_replica_ejections_total", "upstream" => self.of.service).increment(1);
        tracing::warn!(
            upstream.name = self.of.service,
            upstream.address = %self.replica.address,
            reason = why,
            "a replica is left out for a while"
        );
    }
}

impl Drop for Chosen<'_> {
    fn drop(&mut self) {
        if !self.is_only {
            self.replica.busy.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
