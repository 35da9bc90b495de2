//! Ten thousand open streams of one line that moves each second, at a queue service that is a process of its own.
//!
//! The service admits by itself; what it notes of each tick in Redis tells when the line moved. Every event on every stream
//! says which moment of the line it shows, so its delay is the time since the first move that it is the first to show.

use crate::{client::Client, world::World};
use http::Method;
use queue_service::measured;
use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use test_support::{
    eventually,
    measure::{figures, percentile},
};
use tokio::{
    process::{Child, Command},
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};
use uuid::Uuid;

/// Each address of this machine's own has some 28,000 ports.
const STREAMS_PER_ADDRESS: usize = 5_000;
/// Connections opened side by side.
const OPENERS: usize = 50;
/// They wait in front of those who watch, to be admitted.
const FRONT: usize = 2_000;

/// An event on a stream: when it came, and which moment of the line it shows, in microseconds of the clock that the machine
/// and Redis share.
struct Told {
    stream: usize,
    came: i64,
    shows: i64,
}

/// The service, killed when dropped.
struct Service {
    child: Child,
    address: SocketAddr,
}

impl Service {
    async fn start(world: &World) -> anyhow::Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let child = Command::new(env!("CARGO_BIN_EXE_queue-service"))
            .env_clear()
            .envs(world.pairs())
            .env("PORT", port.to_string())
            .env_remove("MAX_ACTIVE")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        eventually("the queue service listens", Duration::from_secs(30), || async {
            tokio::net::TcpStream::connect(address).await.ok()
        })
        .await;
        Ok(Self { child, address })
    }

    /// A line of `/proc/<pid>/status`, in KiB.
    fn kib(&self, name: &str) -> f64 {
        let status = self.proc("status");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kib = line.and_then(|value| value.split_whitespace().next()?.parse::<f64>().ok());
        kib.unwrap_or(f64::NAN)
    }

    /// Processor time so far.
    fn busy(&self) -> Duration {
        let stat = self.proc("stat");
        let fields = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .skip(11)
            .take(2);
        let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 10)
    }

    fn proc(&self, file: &str) -> String {
        let process = self.child.id().unwrap_or_default();
        fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default()
    }
}

pub(crate) async fn report(world: &World, quick: bool) -> anyhow::Result<()> {
    let (streams, time) = if quick {
        (1_000, Duration::from_secs(8))
    } else {
        (10_000, Duration::from_secs(60))
    };
    let service = Service::start(world).await?;
    let event = Uuid::now_v7();
    let (empty, began) = (service.kib("VmRSS"), Instant::now());
    for _ in 0..FRONT {
        world.lines.enter(Uuid::new_v4(), event).await?;
    }
    let (telling, mut told) = mpsc::unbounded_channel();
    let mut readers = open(world, service.address, event, streams, telling).await?;
    let opened = began.elapsed();
    // The first event of each comes with its opening.
    sleep(Duration::from_secs(2)).await;
    let moves = Arc::new(Mutex::new(Vec::new()));
    let (busy, began) = (service.busy(), Instant::now());
    let watching = watch_moves(world, event, Arc::clone(&moves), began + time);
    watching.await?;
    // What the last move led to still comes.
    sleep(Duration::from_secs(2)).await;
    let (busy, elapsed) = (service.busy().saturating_sub(busy), began.elapsed());
    let ended = std::iter::from_fn(|| readers.try_join_next()).count();
    readers.abort_all();
    let moves = std::mem::take(&mut *moves.lock().unwrap_or_else(PoisonError::into_inner));
    let mut events: Vec<Told> = std::iter::from_fn(|| told.try_recv().ok()).collect();
    events.sort_by_key(|told| (told.stream, told.shows));
    let delays = delays(&moves, &events);
    let expected = moves.len() * streams;
    let row = crate::size::limit;
    let longest = percentile(delays.clone(), 1.0);
    let mut rows = vec![
        row("opened in", opened.as_secs_f64(), "s", None),
        row(
            "resident memory of the service, at most",
            service.kib("VmHWM") / 1024.0,
            "MiB",
            Some(200.0),
        ),
        row("  without a stream", empty / 1024.0, "MiB", None),
    ];
    for (what, share) in [("median", 0.5), ("99th percentile", 0.99)] {
        let what = format!("from a move to its event: {what}");
        rows.push(row(&what, percentile(delays.clone(), share), "ms", None));
    }
    let told = delays.len() as f64 / expected as f64;
    let busy = busy.as_secs_f64() * 1e3 / elapsed.as_secs_f64();
    rows.extend([
        row("  the longest", longest, "ms", Some(1_000.0)),
        row("moves of the line", moves.len() as f64, "", None),
        row("events for each move and stream", told, "", None),
        row("processor time of the service per second", busy, "ms", None),
        row("streams that ended too early", ended as f64, "", Some(0.0)),
    ]);
    figures(&format!("{streams} open streams"), &rows);
    Ok(())
}

/// Everybody enters, and then watches, on one connection.
async fn open(
    world: &World,
    to: SocketAddr,
    event: Uuid,
    streams: usize,
    telling: mpsc::UnboundedSender<Told>,
) -> anyhow::Result<JoinSet<()>> {
    let (mut openers, mut readers) = (JoinSet::new(), JoinSet::new());
    for opener in 0..OPENERS {
        let key = world.key.clone();
        openers.spawn(async move {
            let mut opened = Vec::new();
            for stream in (opener..streams).step_by(OPENERS) {
                let from = [127, 0, 0, u8::try_from(2 + stream / STREAMS_PER_ADDRESS)?];
                let (mut client, user) = (Client::connect(from, to, key.clone()).await?, Uuid::new_v4());
                let body = serde_json::json!({"eventId": event}).to_string();
                let entered = client.call(Method::POST, "/queue/enter", user, &body).await?;
                anyhow::ensure!(entered == 200, "an entry was answered with {entered}");
                let path = format!("/queue/stream?eventId={event}");
                client.send(Method::GET, &path, user, "").await?;
                opened.push((stream, client));
            }
            anyhow::Ok(opened)
        });
    }
    while let Some(opened) = openers.join_next().await {
        for (stream, client) in opened?? {
            readers.spawn(read(stream, client, telling.clone()));
        }
    }
    Ok(readers)
}

/// Notes each event until the stream ends. Nothing is kept while nothing comes.
async fn read(stream: usize, client: Client, telling: mpsc::UnboundedSender<Told>) {
    let socket = client.stream;
    let mut buffer = [0; 4096];
    while socket.readable().await.is_ok() {
        match socket.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => {
                let came = common::Clock::system().now().timestamp_micros();
                let text = std::str::from_utf8(&buffer[..read]).unwrap_or_default();
                // One event is one write, and less than a buffer.
                for data in text
                    .split("event: position")
                    .skip(1)
                    .chain(text.split("event:position").skip(1))
                {
                    let Some(shows) = server_time(data) else { continue };
                    if telling.send(Told { stream, came, shows }).is_err() {
                        return;
                    }
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

fn server_time(data: &str) -> Option<i64> {
    let text = data.split("\"serverTime\":\"").nth(1)?.split('"').next()?;
    Some(chrono::DateTime::parse_from_rfc3339(text).ok()?.timestamp_micros())
}

/// Notes when ticks admitted somebody.
async fn watch_moves(world: &World, event: Uuid, moves: Arc<Mutex<Vec<i64>>>, until: Instant) -> anyhow::Result<()> {
    let control = &measured::keys(event)[6];
    let (mut last, mut at) = (None, Instant::now());
    while at < until {
        let mut read = redis::cmd("HMGET");
        read.arg(control).arg("admitted").arg("ticked");
        let (admitted, ticked): (Option<u64>, Option<i64>) = read.query_async(&mut world.observer.connection()).await?;
        if let (Some(before), Some(ticked)) = (last, ticked)
            && admitted != before
        {
            moves.lock().unwrap_or_else(PoisonError::into_inner).push(ticked);
        }
        last = Some(admitted);
        at += Duration::from_millis(5);
        sleep_until(at).await;
    }
    Ok(())
}

/// For each move and stream the time until the first event came that shows it. `events` are in order.
fn delays(moves: &[i64], events: &[Told]) -> Vec<Duration> {
    let mut streams: BTreeMap<usize, Vec<&Told>> = BTreeMap::new();
    for told in events {
        streams.entry(told.stream).or_default().push(told);
    }
    let mut delays = Vec::new();
    for events in streams.values() {
        // Of the last one nobody knows which later move an event shows.
        for (number, moved) in moves.iter().enumerate().take(moves.len().saturating_sub(1)) {
            let Some(shown) = events.iter().find(|told| told.shows >= *moved) else {
                continue;
            };
            // Nothing was told of this move where the first event after it is of a later one: the place, which is an estimate
            // far back, did not change.
            if moves.get(number + 1).is_some_and(|next| shown.shows >= *next) {
                continue;
            }
            delays.push(Duration::from_micros(u64::try_from(shown.came - moved).unwrap_or(0)));
        }
    }
    delays
}
