//! `cargo xtask bench hold`: a hold of four free seats by the reservation service, against one with a lock per seat
//! (`locks`), on the same Redis and PostgreSQL, with and without everything around it.

mod client;
mod locks;
mod neighbours;
mod peer;

use client::Client;
use common::internal_auth::{Service, SigningKey};
use locks::SeatLocks;
use neighbours::Neighbours;
use reservation_service::{
    Config, build,
    measured::{HoldTransaction, RedisHold},
};
use sqlx::PgPool;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use test_support::{
    Login, Running, TestEnv,
    measure::{Bar, Comparison, Load, closed_loop, compared, percentile},
};
use uuid::Uuid;

const SEATS_PER_HOLD: usize = 4;
const SEATS: usize = 200_000;
const HOLD_FOR: Duration = Duration::from_secs(300);

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(compare())
}

/// The event's seats, handed out four by four.
struct Hall {
    event_id: Uuid,
    seats: Vec<Uuid>,
    next: AtomicUsize,
}

impl Hall {
    fn four(&self) -> &[Uuid] {
        let first = self.next.fetch_add(SEATS_PER_HOLD, Ordering::Relaxed) % self.seats.len();
        self.seats.get(first..first + SEATS_PER_HOLD).unwrap_or_default()
    }
}

struct World {
    ours: Running,
    peer: Running,
    script: Arc<RedisHold>,
    locks: Arc<SeatLocks>,
    hall: Arc<Hall>,
    key: SigningKey,
    database: PgPool,
    redis: common::redis::Redis,
    _neighbours: Neighbours,
    _env: TestEnv,
}

async fn compare() -> anyhow::Result<()> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (rounds, seconds) = if quick {
        (3, Duration::from_millis(800))
    } else {
        (9, Duration::from_secs(3))
    };
    let clients = 50;
    let world = World::start().await?;

    let mut through_service =
        Comparison::new("hold of 4 seats over HTTP, with its transaction", "/s").bar(Bar::AtLeast(3.0));
    let mut latency = Comparison::new("  its median latency", "ms");
    let mut tail = Comparison::new("  its 99th percentile", "ms");
    let mut machine = Comparison::new("  CPU of the whole machine per hold", "µs");
    let mut process = Comparison::new("  CPU of service, clients and stand-ins per hold", "µs");
    let mut redis_only = Comparison::new("the part in Redis alone", "/s").bar(Bar::AtLeast(3.0));
    let mut redis_latency = Comparison::new("  its median latency", "ms");
    let mut alone = Comparison::new("  its median latency, one client", "ms");
    let mut service_alone = Comparison::new("hold over HTTP, one client: median latency", "ms");
    // The first round warms up and counts for nothing.
    for round in 0..=rounds {
        let ours = world.through(world.ours.address(), clients, seconds).await?;
        let peer = world.through(world.peer.address(), clients, seconds).await?;
        let script = world.script_alone(clients, seconds / 4).await?;
        let locks = world.locks_alone(clients, seconds / 4).await?;
        let ours_alone = world.through(world.ours.address(), 1, seconds / 4).await?;
        let peer_alone = world.through(world.peer.address(), 1, seconds / 4).await?;
        let one_script = world.script_alone(1, seconds / 8).await?;
        let one_locks = world.locks_alone(1, seconds / 8).await?;
        if round == 0 {
            continue;
        }
        through_service.add(ours.per_second(), peer.per_second());
        machine.add(ours.machine_micros(), peer.machine_micros());
        process.add(ours.process_micros(), peer.process_micros());
        latency.add(
            percentile(ours.latencies.clone(), 0.5),
            percentile(peer.latencies.clone(), 0.5),
        );
        tail.add(percentile(ours.latencies, 0.99), percentile(peer.latencies, 0.99));
        redis_only.add(script.per_second(), locks.per_second());
        redis_latency.add(percentile(script.latencies, 0.5), percentile(locks.latencies, 0.5));
        alone.add(
            percentile(one_script.latencies, 0.5),
            percentile(one_locks.latencies, 0.5),
        );
        service_alone.add(
            percentile(ours_alone.latencies, 0.5),
            percentile(peer_alone.latencies, 0.5),
        );
    }
    let title = format!("Hold of four seats against a lock per seat, {clients} clients");
    let comparisons = [
        through_service,
        latency,
        tail,
        machine,
        process,
        service_alone,
        redis_only,
        redis_latency,
        alone,
    ];
    compared(&title, rounds, &comparisons);
    Ok(())
}

impl World {
    async fn start() -> anyhow::Result<Self> {
        let mut env = TestEnv::new()
            .await
            .with_topics()
            .await
            .with("CATALOGUE_TTL_SECONDS", 3600);
        let event_id = Uuid::now_v7();
        let event = neighbours::event_info(event_id, common::Clock::system().now());
        let seats: Vec<Uuid> = (0..SEATS).map(|_| Uuid::now_v7()).collect();
        let neighbours = Neighbours::start(&event, &seats).await?;
        for variable in ["EVENT_SERVICE_URL", "QUEUE_SERVICE_URL", "PAYMENT_SERVICE_URL"] {
            env.set(variable, format!("http://{}", neighbours.address));
        }
        let settings = env.env(Some(Login::Reservation));
        let config = Config::from_env(&settings)?;
        let redis = common::redis::connect(&config.redis)?;
        let locks = || SeatLocks::new(redis.clone(), event_id);
        let transaction = HoldTransaction::new(&config.db, event_id, event, HOLD_FOR)?;
        Ok(Self {
            peer: peer::start(&config, locks(), transaction).await?,
            ours: Running::start(build(config).await?),
            script: Arc::new(RedisHold::new(redis.clone(), event_id, HOLD_FOR)),
            locks: Arc::new(locks()),
            hall: Arc::new(Hall {
                event_id,
                seats,
                next: AtomicUsize::new(0),
            }),
            key: SigningKey::from_env(&settings, Service::Gateway)?,
            database: PgPool::connect(&env.superuser_url()).await?,
            redis,
            _neighbours: neighbours,
            _env: env,
        })
    }

    /// Everybody's seats are free again.
    async fn reset(&self) -> anyhow::Result<()> {
        sqlx::raw_sql(
            "truncate reservation_service.reservations, reservation_service.reservation_seats, reservation_service.seat_assignments",
        )
        .execute(&self.database)
        .await?;
        redis::cmd("FLUSHDB").query_async::<()>(&mut self.redis.clone()).await?;
        Ok(())
    }

    /// Buyers at a service's door.
    async fn through(&self, address: SocketAddr, clients: usize, duration: Duration) -> anyhow::Result<Load> {
        self.reset().await?;
        let mut connections = Vec::new();
        for _ in 0..clients {
            connections.push(Client::connect(address, self.key.clone()).await?);
        }
        let hall = Arc::clone(&self.hall);
        let load = closed_loop(connections, duration, move |mut client| {
            let hall = Arc::clone(&hall);
            async move {
                let status = client.hold(Uuid::now_v7(), hall.event_id, hall.four()).await;
                assert!(matches!(status, Ok(201)), "a hold was answered with {status:?}");
                client
            }
        });
        Ok(load.await)
    }

    async fn script_alone(&self, clients: usize, duration: Duration) -> anyhow::Result<Load> {
        self.reset().await?;
        let (script, hall) = (Arc::clone(&self.script), Arc::clone(&self.hall));
        let load = closed_loop(vec![(); clients], duration, move |()| {
            let (script, hall) = (Arc::clone(&script), Arc::clone(&hall));
            async move {
                let held = script.run(Uuid::now_v7(), Uuid::now_v7(), hall.four()).await;
                assert!(matches!(held, Ok(true)), "{held:?}");
            }
        });
        Ok(load.await)
    }

    async fn locks_alone(&self, clients: usize, duration: Duration) -> anyhow::Result<Load> {
        self.reset().await?;
        let (locks, hall) = (Arc::clone(&self.locks), Arc::clone(&self.hall));
        let load = closed_loop(vec![(); clients], duration, move |()| {
            let (locks, hall) = (Arc::clone(&locks), Arc::clone(&hall));
            async move {
                let (reservation_id, seats) = (Uuid::now_v7(), hall.four());
                let held = locks.hold(reservation_id, Uuid::now_v7(), seats).await;
                assert!(matches!(held, Ok(true)), "{held:?}");
                let unlocked = locks.unlock(reservation_id, seats).await;
                assert!(unlocked.is_ok(), "{unlocked:?}");
            }
        });
        Ok(load.await)
    }
}
