//! The queue service (`design.md` §3.3, §8.1): a fair waiting line per event, and the tokens of those who were admitted. For who
//! stands in it or runs it: `docs/queue.md`.
//!
//! | module | what |
//! |---|---|
//! | `routes` | one endpoint per file; `routes/mod.rs` lists them with their callers |
//! | `waiting_line` | the line in Redis: the only place that names its keys and scripts; begins with how it works |
//! | `entry` | who may join, and one line per user |
//! | `epochs`, `recovery` | noticing that Redis lost its memory, and giving places back |
//! | `streams` | who watches which line by `GET /queue/stream` |
//! | `workers` | the admission loop; reading the lines that are watched |
//! | `consumers` | messages that free places and close lines |
//! | `upstream`, `event_settings` | what other services and administrators said, kept for a moment |
//! | `domain` | estimates, settings, tickets, without I/O |
//! | `db` | all SQL |
//! | `operators` | changing a line's settings, also from the command line |
//! | `measured` | requests without HTTP, for the benches |
//!
//! Invariants: places are admitted in the order of entry and never faster than rate, cap and unsold seats allow, whatever the
//! number of replicas; a token is good only while a grant names it; times are Redis', never this machine's. There is no
//! lock and no leader: every replica may do everything at any time.

mod config;
mod consumers;
mod db;
mod domain;
mod entry;
mod epochs;
mod event_settings;
#[doc(hidden)]
pub mod measured;
mod operators;
mod per_event_cache;
mod recovery;
mod routes;
mod state;
mod streams;
mod upstream;
mod waiting_line;
mod wake;
mod workers;

pub use config::Config;
pub use db::event_settings::{Changed, SettingsRow};
pub use domain::SettingsChange;
pub use operators::change_line;

use common::{
    db::DbConfig,
    health::Health,
    http::{ServiceInfo, service_router},
    lifecycle::{Application, Workers},
    program::Program,
};
use consumers::{EventEvents, ReservationEvents};
use messages::ConsumerGroup;
use outbox::{Consumer, Retention};
use state::AppState;
use std::process::ExitCode;

const INFO: ServiceInfo = ServiceInfo {
    name: "queue-service",
    title: "Waiting line",
};

/// The document of its API as JSON.
///
/// # Errors
/// When it cannot be written.
fn openapi() -> anyhow::Result<String> {
    common::http::document(INFO, routes::documented())
}

/// The service's process, from its arguments to its end.
pub async fn program() -> ExitCode {
    let program = Program {
        name: INFO.name,
        config: Config::from_env,
        build,
        openapi: |_| openapi(),
    };
    program.run().await
}

/// Builds the service: its port is bound and its workers run when this returns.
///
/// # Errors
/// When a setting is not usable or the port is taken. Dependencies that are down are no error: the service starts, says
/// so in `/health/ready`, and serves once they are up.
pub async fn build(config: Config) -> anyhow::Result<Application> {
    let pool = common::db::connect(&config.db)?;
    let worker_pool = common::db::connect(&DbConfig {
        pool_max: config.worker_pool_max,
        ..config.db.clone()
    })?;
    let redis = common::redis::connect(&config.redis)?;
    let health = Health::new().with_postgres(&pool).with_redis(&redis);
    let mut workers = Workers::new();
    common::db::measure(&mut workers, &[("requests", &pool), ("workers", &worker_pool)]);
    let measured = redis.clone();
    workers.spawn("redis-memory", |shutdown| measured.measure_memory(shutdown));
    let state = AppState::new(&config, pool, redis, workers.closing())?;
    let router = service_router(
        INFO,
        routes::public(&state, &config.verifier),
        routes::internal(&state, &config.verifier),
        &health,
    );

    let tick = config.admission_tick;
    let admitting = state.clone();
    workers.spawn("admission", |shutdown| {
        workers::run_admission(admitting, tick, shutdown)
    });
    let watching = state.clone();
    let tick = config.streaming.tick;
    workers.spawn("line-watching", |shutdown| {
        workers::watch_lines(watching, tick, shutdown)
    });
    let (kafka, settings) = (&config.outbox.kafka, &config.outbox.consumer);
    let reservations = Consumer::new(
        ConsumerGroup::QUEUE_RESERVATION,
        worker_pool.clone(),
        kafka,
        settings,
        ReservationEvents(state.clone()),
    );
    workers.spawn("reservation-consumer", |shutdown| reservations.run(shutdown));
    let events = Consumer::new(
        ConsumerGroup::QUEUE_EVENT,
        worker_pool.clone(),
        kafka,
        settings,
        EventEvents(state.clone()),
    );
    workers.spawn("event-consumer", |shutdown| events.run(shutdown));
    let retention = Retention::new(worker_pool, &config.outbox.retention);
    workers.spawn("inbox-retention", |shutdown| retention.run(shutdown));

    Application::bind(&config.server, router, health, workers).await
}
