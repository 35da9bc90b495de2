//! Two steady loads on the whole system (design.md §15): `mixed`, of all that a buyer looks at, and `peak`, of entries and
//! polls alone. `cargo xtask bench mixed peak` runs them.
//!
//! Both are open loops: a request is sent when it is due, whatever became of the ones before, and its latency counts from
//! then. Events, accounts and the first waiters are made before, and a few seconds of the same load warm everything up that
//! are not counted.

mod pace;

use crate::{
    accounts::{self, Account},
    client::{Call, Client},
    recorder::{EndpointFigures, Recorder},
    watch::{Usage, Watch},
    world::World,
};
use anyhow::ensure;
use common::{Clock, config::Env};
use pace::Pace;
use serde_json::json;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use test_support::measure::{Bar, Figure, figures};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// More than are ever under way unless the system falls behind.
const CONNECTIONS: usize = 512;
const MIB: f64 = 1_048_576.0;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Enter,
    Status,
    List,
    Detail,
    Seats,
}

/// A load and what is demanded of the system under it.
pub struct Load {
    title: &'static str,
    /// Requests a second.
    rate: u32,
    time: Duration,
    warm_up: Duration,
    /// Whose accounts take part. Accounts stay, and so do their places for a while: two loads share none.
    crowd: &'static str,
    /// Who waits before it begins.
    waiting: usize,
    events: usize,
    /// One turn of the mix.
    turn: &'static [Kind],
    /// The 95th percentile in milliseconds at most.
    bars: &'static [(&'static str, f64)],
    /// Whether a refusal for asking too often is no error.
    may_be_limited: bool,
}

impl Load {
    /// 1,000 requests a second of all kinds for a minute: ten concerts, most people poll.
    #[must_use]
    pub fn mixed(quick: bool) -> Self {
        use Kind::{Detail, Enter, List, Seats, Status};
        Self {
            title: "1,000 requests/s: half polls, the rest entries, lists, concerts and seat maps",
            rate: 1_000,
            time: Duration::from_secs(if quick { 5 } else { 60 }),
            warm_up: Duration::from_secs(5),
            crowd: "mixed",
            waiting: 2_000,
            events: 10,
            turn: &[
                Status, List, Status, Enter, Status, Detail, Status, Seats, Status, List, Status, Detail, Status,
                Seats, Status, List, Status, Detail, Status, Enter,
            ],
            bars: &[
                ("POST /queue/enter", 20.0),
                ("GET /queue/status", 10.0),
                ("GET /events", 20.0),
                ("GET /events/{id}", 10.0),
                ("GET /events/{id}/seats", 30.0),
            ],
            may_be_limited: false,
        }
    }

    /// 5,000 requests a second for ten seconds: everybody comes at once and polls.
    #[must_use]
    pub fn peak(quick: bool) -> Self {
        use Kind::{Enter, Status};
        Self {
            title: "5,000 requests/s: four polls for each entry",
            rate: 5_000,
            time: Duration::from_secs(if quick { 3 } else { 10 }),
            warm_up: Duration::from_secs(2),
            crowd: "peak",
            waiting: 5_000,
            events: 1,
            turn: &[Status, Status, Enter, Status, Status],
            bars: &[],
            may_be_limited: true,
        }
    }

    fn entries(&self) -> usize {
        let seconds = (self.time + self.warm_up).as_secs() + 1;
        let requests = usize::try_from(u64::from(self.rate) * seconds).unwrap_or(usize::MAX);
        requests * self.turn.iter().filter(|kind| **kind == Kind::Enter).count() / self.turn.len()
    }
}

/// Who asks for what.
struct Crowd {
    client: Client,
    people: Vec<Account>,
    events: Vec<Uuid>,
    /// How many of the people have come.
    came: AtomicUsize,
    /// How many of them are known to stand in line.
    waiting: AtomicUsize,
    polls: AtomicUsize,
}

/// Runs a load against the system that the state file names and tells what came out. The environment is the user service's.
///
/// # Errors
/// When the system cannot be prepared.
pub async fn run(env: &Env, state: &Path, load: &Load) -> anyhow::Result<()> {
    let world = World::open(state, CONNECTIONS)?;
    let mut watch = Watch::begin(&world.state().pids);
    let admin = world.log_in_admin().await?;
    let mut events = Vec::new();
    for _ in 0..load.events {
        events.push(world.announce(&admin, 3_000, Clock::system().now()).await?.id);
    }
    let people = accounts::seed(env, load.crowd, load.waiting + load.entries()).await?;
    let mut crowd = Crowd::new(&world, people, events)?;
    crowd.line_up(load.waiting).await?;
    let crowd_before = Arc::new(crowd);
    pace(&crowd_before, load, load.warm_up, &mut watch).await;
    let warmed =
        Arc::try_unwrap(crowd_before).map_err(|_| anyhow::anyhow!("a request of the warm-up is still under way"))?;
    crowd = warmed.measured_from_now(&world)?;
    let crowd = Arc::new(crowd);
    let began = Instant::now();
    pace(&crowd, load, load.time, &mut watch).await;
    let elapsed = began.elapsed();
    let rows = rows(load, &crowd.client.recorder().figures(), elapsed, &watch.usage());
    figures(load.title, &rows);
    Ok(())
}

/// Sends what is due until the time is over, and waits for all replies.
async fn pace(crowd: &Arc<Crowd>, load: &Load, time: Duration, watch: &mut Watch) {
    let looking = async {
        loop {
            watch.look();
            sleep(Duration::from_secs(1)).await;
        }
    };
    let pace = Pace::new(load.rate, time);
    let sending = pace.run(|number, due| {
        let kind = load.turn[number % load.turn.len()];
        let crowd = Arc::clone(crowd);
        async move { crowd.call(kind, number, due).await }
    });
    tokio::select! {
        () = sending => {}
        () = looking => {}
    }
}

impl Crowd {
    fn new(world: &World, people: Vec<Account>, events: Vec<Uuid>) -> anyhow::Result<Self> {
        Ok(Self {
            client: client(world)?,
            people,
            events,
            came: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            polls: AtomicUsize::new(0),
        })
    }

    /// The same people with figures that begin anew.
    fn measured_from_now(self, world: &World) -> anyhow::Result<Self> {
        Ok(Self {
            client: client(world)?,
            ..self
        })
    }

    /// Lets the first ones enter, forty at a time; the first of all waits until the sale has begun.
    async fn line_up(&self, count: usize) -> anyhow::Result<()> {
        let began = Instant::now();
        while !self.enters(0, Instant::now()).await {
            ensure!(began.elapsed() < Duration::from_secs(30), "nobody can enter");
            sleep(Duration::from_millis(100)).await;
        }
        self.came.store(1, Ordering::Relaxed);
        while self.came.load(Ordering::Relaxed) < count {
            let numbers = (0..40).map(|_| self.came.fetch_add(1, Ordering::Relaxed));
            let entered =
                futures_util::future::join_all(numbers.map(|number| self.enters(number, Instant::now()))).await;
            ensure!(entered.iter().all(|entered| *entered), "somebody could not enter");
        }
        self.waiting.store(self.came.load(Ordering::Relaxed), Ordering::Relaxed);
        Ok(())
    }

    async fn call(&self, kind: Kind, number: usize, due: Instant) {
        match kind {
            Kind::Enter => {
                let number = self.came.fetch_add(1, Ordering::Relaxed);
                if self.enters(number, due).await {
                    self.waiting.fetch_add(1, Ordering::Relaxed);
                }
            }
            Kind::Status => self.polls(due).await,
            Kind::List => {
                // The pages that people look at.
                let path = format!("/events?page={}", number / 3 % 3);
                let _replied = self.client.send(Call::new("GET /events", &path).due(due)).await;
            }
            Kind::Detail => {
                let path = format!("/events/{}", self.event(number));
                let _replied = self.client.send(Call::new("GET /events/{id}", &path).due(due)).await;
            }
            Kind::Seats => {
                let path = format!("/events/{}/seats", self.event(number));
                let call = Call::new("GET /events/{id}/seats", &path)
                    .bearer(&self.people[number % self.people.len()].token)
                    .header("accept-encoding", "gzip");
                let _replied = self.client.send(call.due(due)).await;
            }
        }
    }

    /// The event that somebody waits for, always the same.
    fn event(&self, number: usize) -> Uuid {
        self.events[number % self.events.len()]
    }

    async fn enters(&self, number: usize, due: Instant) -> bool {
        let Some(person) = self.people.get(number) else {
            return false;
        };
        let body = json!({"eventId": self.event(number)});
        let call = Call::new("POST /queue/enter", "/queue/enter")
            .bearer(&person.token)
            .json(&body);
        self.client
            .send(call.due(due))
            .await
            .is_ok_and(|reply| reply.is_success())
    }

    /// One of those who wait asks, the next one each time.
    async fn polls(&self, due: Instant) {
        // Entries end in another order than they begin, so the last few are left in peace.
        let waiting = self.waiting.load(Ordering::Relaxed).saturating_sub(64).max(1);
        let number = self.polls.fetch_add(1, Ordering::Relaxed) % waiting;
        let path = format!("/queue/status?eventId={}", self.event(number));
        let call = Call::new("GET /queue/status", &path).bearer(&self.people[number].token);
        let _replied = self.client.send(call.due(due)).await;
    }
}

fn client(world: &World) -> anyhow::Result<Client> {
    Client::new(&world.state().gateway, CONNECTIONS, Arc::<Recorder>::default())
}

/// Latencies, errors and memory with their bars.
fn rows(load: &Load, endpoints: &[EndpointFigures], elapsed: Duration, usage: &Usage) -> Vec<Figure> {
    let count = |is_counted: &dyn Fn(u16) -> bool| {
        let outcomes = endpoints.iter().flat_map(|endpoint| &endpoint.outcomes);
        outcomes
            .filter(|outcome| is_counted(outcome.status))
            .map(|outcome| outcome.count as f64)
            .sum::<f64>()
    };
    let limited = count(&|status| status == 429);
    let errors = count(&|status| !((200..400).contains(&status) || load.may_be_limited && status == 429));
    let mut rows = vec![Figure::new("requests", count(&|_| true) / elapsed.as_secs_f64(), "/s")];
    for endpoint in endpoints {
        let what = format!("`{}`, 95th percentile", endpoint.endpoint);
        let bar = load.bars.iter().find(|(name, _)| *name == endpoint.endpoint);
        rows.push(match bar {
            Some((_, bar)) => Figure::held(&what, endpoint.p95, "ms", Bar::AtMost(*bar)),
            None => Figure::new(&what, endpoint.p95, "ms"),
        });
        let others = format!(
            "{:.2}, {:.2}, {:.1} ms of {}",
            endpoint.p50, endpoint.p99, endpoint.max, endpoint.count
        );
        rows.push(Figure::text("  median, 99th percentile, longest", others));
    }
    if load.may_be_limited {
        rows.push(Figure::text("429", format!("{:.0}", limited + 0.0)));
    }
    rows.push(Figure::text("errors", format!("{:.0}", errors + 0.0)).judged(Bar::AtMost(0.0), errors));
    for endpoint in endpoints {
        for outcome in endpoint
            .outcomes
            .iter()
            .filter(|outcome| !(200..400).contains(&outcome.status))
        {
            let what = format!("  `{}`: {} {}", endpoint.endpoint, outcome.status, outcome.code);
            rows.push(Figure::new(&what, outcome.count as f64, ""));
        }
    }
    let (idle, peak) = (
        usage.services_idle_bytes as f64 / MIB,
        usage.services_peak_bytes as f64 / MIB,
    );
    rows.push(Figure::held(
        "memory of the six services before",
        idle,
        "MiB",
        Bar::AtMost(80.0),
    ));
    rows.push(Figure::held("  at most", peak, "MiB", Bar::AtMost(300.0)));
    let services = usage
        .processes
        .iter()
        .filter(|(name, _)| !name.starts_with("simulators"));
    let busy: Vec<String> = services
        .map(|(name, process)| format!("{name} {:.0}", process.cpu_seconds / elapsed.as_secs_f64() * 1e3))
        .collect();
    rows.push(Figure::text(
        "processor time in ms per second, warm-up included",
        busy.join(", "),
    ));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_what_it_says() {
        let mixed = Load::mixed(false);
        let share = |kind| mixed.turn.iter().filter(|other| **other == kind).count();
        let kinds = [Kind::Status, Kind::List, Kind::Detail, Kind::Seats, Kind::Enter];
        assert_eq!(kinds.map(share), [10, 3, 3, 2, 2]);
        assert_eq!(mixed.entries(), 6_600);
        let peak = Load::peak(false);
        assert_ne!(mixed.crowd, peak.crowd, "nobody takes part in both");
        assert!(peak.entries() + peak.waiting < 50_000, "all have room in one line");
    }
}
