//! The payment service: takes the money and gives it back (`design.md` §3.5, §8.3, §8.4).
//!
//! | module | what |
//! |---|---|
//! | `routes` | one endpoint per file; `routes/mod.rs` lists them with their callers |
//! | `begin` | whether and as which payment a reservation may be paid for |
//! | `confirm` | charging, step by step, and what holds when something dies in between |
//! | `settlement` | every outcome as one transaction: payment, refund, saga, messages |
//! | `domain` | states, and what PortOne's answers mean; without I/O |
//! | `portone` | PortOne's API and its webhooks' signature |
//! | `neighbours` | the services this one calls |
//! | `db` | all SQL |
//! | `consumers` | what the reservation service says |
//! | `workers` | loops: reconciliation, refunds, webhooks, stuck bookings |
//!
//! Only this service writes payments, refunds and sagas. It never decides about seats: it locks a reservation before it
//! charges and says what became of the charge.

mod begin;
mod config;
mod confirm;
mod consumers;
mod db;
mod domain;
mod metrics;
mod neighbours;
mod portone;
mod routes;
mod settlement;
mod state;
mod workers;

pub use config::Config;

use common::{
    Fresh,
    client::ServiceClient,
    db::DbConfig,
    health::Health,
    http::{ServiceInfo, service_router},
    lifecycle::{Application, Workers},
    program::Program,
};
use consumers::ReservationEvents;
use messages::ConsumerGroup;
use neighbours::{QueueClient, ReservationClient};
use outbox::{Consumer, Relay, Retention};
use portone::PortoneClient;
use settlement::Settlement;
use sqlx::PgPool;
use state::{AppState, Inner};
use std::{process::ExitCode, sync::Arc};
use tokio_util::task::TaskTracker;
use workers::Tools;

const INFO: ServiceInfo = ServiceInfo {
    name: "payment-service",
    title: "Payments and refunds",
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
    let worker_db = DbConfig {
        pool_max: config.worker_pool_max,
        ..config.db.clone()
    };
    let worker_pool = common::db::connect(&worker_db)?;
    let relay = Relay::new(worker_pool.clone(), &config.outbox.kafka, &config.outbox.relay)?;
    let state = state(&config, &pool, &relay)?;
    let tools = Tools {
        db: worker_pool.clone(),
        portone: state.portone.clone(),
        reservations: state.reservations.clone(),
        settlement: state.settlement.on(&worker_pool),
        rules: state.rules.clone(),
        webhooks: config.webhooks.clone(),
        webhook_stored: state.webhook_stored.clone(),
    };
    let health = Health::new().with_postgres(&pool);
    let router = service_router(
        INFO,
        routes::public(&state, &config.verifier),
        routes::internal(&state, &config.verifier),
        &health,
    );
    let mut workers = start_workers(&config, &worker_pool, relay, &state, &tools);
    common::db::measure(&mut workers, &[("requests", &pool), ("workers", &worker_pool)]);
    Application::bind(&config.server, router, health, workers).await
}

fn state(config: &Config, pool: &PgPool, relay: &Relay) -> anyhow::Result<AppState> {
    let client = |name, url: &str| ServiceClient::new(name, url, config.neighbours.key.clone(), config.clock.clone());
    Ok(AppState::new(Inner {
        db: pool.clone(),
        portone: Arc::new(PortoneClient::new(&config.portone)?),
        reservations: Arc::new(ReservationClient(client(
            "reservation-service",
            &config.neighbours.reservation_url,
        )?)),
        queue: QueueClient(client("queue-service", &config.neighbours.queue_url)?),
        settlement: Settlement::new(pool.clone(), relay.outbox(), config.rules.clone()),
        rules: config.rules.clone(),
        checkout: config.checkout.clone(),
        webhooks: config.webhooks.clone(),
        webhook_stored: Arc::default(),
        money: Fresh::default(),
        confirms: TaskTracker::new(),
        webhook_clock: config.webhook_clock.clone(),
    }))
}

fn start_workers(config: &Config, pool: &PgPool, relay: Relay, state: &AppState, tools: &Tools) -> Workers {
    let mut workers = Workers::new();
    let outbox = relay.outbox();
    workers.spawn("outbox-relay", |shutdown| relay.run(shutdown));
    let retention = Retention::new(pool.clone(), &config.outbox.retention);
    workers.spawn("outbox-retention", |shutdown| retention.run(shutdown));
    let consumer = Consumer::new(
        ConsumerGroup::PAYMENT_RESERVATION,
        pool.clone(),
        &config.outbox.kafka,
        &config.outbox.consumer,
        ReservationEvents::new(tools.settlement.clone()),
    )
    .waking(&outbox);
    workers.spawn("reservation-consumer", |shutdown| consumer.run(shutdown));
    let confirms = state.confirms.clone();
    workers.spawn("finish-confirms", |shutdown| {
        workers::finish_confirms(confirms, shutdown)
    });
    workers.spawn("reconcile-payments", |shutdown| {
        workers::reconcile_payments(tools.clone(), shutdown)
    });
    workers.spawn("end-expired-payments", |shutdown| {
        workers::end_expired_payments(tools.clone(), shutdown)
    });
    workers.spawn("release-locks", |shutdown| {
        workers::release_locks(tools.clone(), shutdown)
    });
    workers.spawn("refund-payments", |shutdown| {
        workers::refund_payments(tools.clone(), shutdown)
    });
    workers.spawn("process-webhooks", |shutdown| {
        workers::process_webhooks(tools.clone(), shutdown)
    });
    workers.spawn("drive-sagas", |shutdown| workers::drive_sagas(tools.clone(), shutdown));
    workers.spawn("drop-old-webhooks", |shutdown| {
        workers::drop_old_webhooks(tools.clone(), shutdown)
    });
    workers.spawn("measure", |shutdown| workers::measure(tools.clone(), shutdown));
    workers
}
