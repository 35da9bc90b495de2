//! The reservation service: who has which seat (`design.md` §3.4, §8.2–8.5). It alone writes reservations, seat assignments
//! and the holds in Redis, and so decides what is sold to whom.
//!
//! | module | what |
//! |---|---|
//! | `routes` | one endpoint per file; `routes/mod.rs` lists them with their callers |
//! | `holding`, `swapping` | holding seats, or others instead, across Redis and the database |
//! | `keeping` | what Redis holds by what the database said a moment ago |
//! | `undecided` | what Redis holds while the database's answer is not known |
//! | `transitions` | the insides of the transactions that change a reservation |
//! | `domain` | which change follows from what; no I/O |
//! | `db` | all SQL, and the lock order |
//! | `seat_holds` | the Redis keys and scripts |
//! | `catalogue` | events, seats and prices of the event service, kept in memory |
//! | `seat_map` | which seats are free: one reading and one text for all who ask at once |
//! | `neighbours` | the services it calls |
//! | `consumers` | messages of payments and events |
//! | `workers` | loops: the sweep of expired holds, cancelled events, old payment locks, refunds that take long, undecided holds, holds that Redis lost |
//! | `changes` | wakes requests that wait for a reservation |
//! | `measured` | the halves of a hold by themselves, for the benches |
//!
//! Invariants: a seat has one owner, the primary key of `seat_assignments`; every change of a reservation goes through a
//! row lock and tells of itself in the same commit; nothing follows from Redis alone, nor from this process's clock.

mod catalogue;
mod changes;
mod config;
mod consumers;
mod db;
mod domain;
mod holding;
mod keeping;
#[doc(hidden)]
pub mod measured;
mod metrics;
mod neighbours;
mod routes;
mod seat_holds;
mod seat_map;
mod state;
mod swapping;
mod transitions;
mod undecided;
mod workers;

pub use config::{Config, Limits, Neighbours};

use ::messages::ConsumerGroup;
use common::{
    db::DbConfig,
    health::Health,
    http::{ServiceInfo, service_router},
    lifecycle::{Application, Workers},
    program::Program,
};
use consumers::{CompensationEvents, EventEvents, PaymentEvents};
use outbox::{Consumer, Handler, Outbox, Relay, Retention};
use sqlx::PgPool;
use state::AppState;
use std::process::ExitCode;
use tokio::sync::mpsc;

const INFO: ServiceInfo = ServiceInfo {
    name: "reservation-service",
    title: "Seats and reservations",
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
    let relay = Relay::new(worker_pool.clone(), &config.outbox.kafka, &config.outbox.relay)?;
    let outbox = relay.outbox();
    let (undecided, undecided_holds) = mpsc::unbounded_channel();
    let state = AppState::new(
        &config,
        pool.clone(),
        worker_pool.clone(),
        redis.clone(),
        outbox.clone(),
        undecided,
    )?;
    let health = Health::new().with_postgres(&pool).with_redis(&redis);
    let router = service_router(
        INFO,
        routes::public(&state, &config.verifier),
        routes::internal(&state, &config.verifier),
        &health,
    );

    let mut workers = Workers::new();
    common::db::measure(&mut workers, &[("requests", &pool), ("workers", &worker_pool)]);
    workers.spawn("outbox-relay", |shutdown| relay.run(shutdown));
    let retention = Retention::new(worker_pool.clone(), &config.outbox.retention);
    workers.spawn("outbox-retention", |shutdown| retention.run(shutdown));
    workers.spawn("idempotency-purge", |shutdown| {
        workers::purge_idempotency_keys(state.clone(), shutdown)
    });
    workers.spawn("hold-expiry", |shutdown| workers::expire_holds(state.clone(), shutdown));
    workers.spawn("event-closing", |shutdown| {
        workers::close_events(state.clone(), shutdown)
    });
    workers.spawn("hold-settlement", |shutdown| {
        workers::settle_holds(state.clone(), undecided_holds, shutdown)
    });
    workers.spawn("hold-rebuild", |shutdown| {
        workers::rebuild_holds(state.clone(), shutdown)
    });
    workers.spawn("payment-questions", |shutdown| {
        workers::ask_payments(state.clone(), shutdown)
    });
    workers.spawn("refund-reminders", |shutdown| {
        workers::remind_of_refunds(state.clone(), shutdown)
    });
    let consume = Consume {
        pool: &worker_pool,
        config: &config,
        outbox: &outbox,
    };
    let payments = consume.by(ConsumerGroup::RESERVATION_PAYMENT, PaymentEvents(state.clone()));
    workers.spawn("payment-consumer", |shutdown| payments.run(shutdown));
    let compensations = consume.by(
        ConsumerGroup::RESERVATION_COMPENSATION,
        CompensationEvents(state.clone()),
    );
    workers.spawn("compensation-consumer", |shutdown| compensations.run(shutdown));
    let events = consume.by(ConsumerGroup::RESERVATION_EVENT, EventEvents(state.clone()));
    workers.spawn("event-consumer", |shutdown| events.run(shutdown));

    Application::bind(&config.server, router, health, workers).await
}

/// What consumers have in common.
struct Consume<'a> {
    pool: &'a PgPool,
    config: &'a Config,
    outbox: &'a Outbox,
}

impl Consume<'_> {
    fn by<H: Handler>(&self, group: ConsumerGroup, handler: H) -> Consumer<H> {
        let outbox::Config { kafka, consumer, .. } = &self.config.outbox;
        Consumer::new(group, self.pool.clone(), kafka, consumer, handler).waking(self.outbox)
    }
}
