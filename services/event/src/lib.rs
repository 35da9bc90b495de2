//! The event service: concerts, venues, halls and seats (`design.md` §3.2), and which seats show as sold (§8.5).
//!
//! | module | what |
//! |---|---|
//! | `routes` | one endpoint per file; `routes/mod.rs` lists them with their callers |
//! | `domain` | rules of concerts, halls and prices, without I/O |
//! | `db` | all SQL |
//! | `projection` | from messages to seats that show as sold |
//! | `reads`, `cache` | what clients read most, kept ready; how things are kept |
//! | `neighbours` | the service it calls |
//! | `consumers` | the topics that feed the projection, and that end what is cached |
//! | `posters` | the bucket |
//! | `workers` | loops |
//!
//! It does not decide who may buy a seat: the reservation service does, over the catalogue that it reads here. What this
//! service shows of sold seats follows from messages and may be some milliseconds old.

mod cache;
mod config;
mod consumers;
mod db;
mod domain;
mod explained;
mod neighbours;
mod posters;
mod projection;
mod reads;
mod routes;
mod state;
mod workers;

pub use config::Config;
#[doc(hidden)]
pub use explained::{ListPlan, explain_list};

use common::{
    client::ServiceClient,
    db::DbConfig,
    health::Health,
    http::{ServiceInfo, service_router},
    lifecycle::{Application, Workers},
    program::Program,
};
use consumers::{EventEvents, PaymentEvents, ReservationEvents};
use messages::ConsumerGroup;
use neighbours::ReservationClient;
use outbox::{Consumer, Handler, Outbox, Relay, Retention};
use posters::Posters;
use reads::Reads;
use sqlx::PgPool;
use state::AppState;
use std::{process::ExitCode, sync::Arc};

const INFO: ServiceInfo = ServiceInfo {
    name: "event-service",
    title: "Events, venues and seats",
};

/// The document of its API as JSON.
///
/// # Errors
/// When it cannot be written.
fn openapi() -> anyhow::Result<String> {
    common::http::document(INFO, routes::documented(common::http::BODY_LIMIT_BYTES))
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
    let outbox = relay.outbox();
    let reservations = ServiceClient::new(
        "reservation-service",
        &config.reservation_url,
        config.key.clone(),
        config.clock.clone(),
    )?;
    let redis = common::redis::connect(&config.redis)?;
    let reads = Arc::new(Reads::new(&pool, redis.clone(), &config.clock, &config.cache));
    let state = AppState {
        pool: pool.clone(),
        outbox: outbox.clone(),
        reservations: ReservationClient(reservations),
        default_max_tickets: config.default_max_tickets,
        clock: config.clock.clone(),
        reads: Arc::clone(&reads),
        posters: Posters::new(&config.posters)?,
    };
    let health = Health::new().with_postgres(&pool);
    let router = service_router(
        INFO,
        routes::public(&state, &config.verifier, config.posters.max_bytes),
        routes::internal(&state, &config.verifier),
        &health,
    );

    let mut workers = Workers::new();
    common::db::measure(&mut workers, &[("requests", &pool), ("workers", &worker_pool)]);
    workers.spawn("outbox-relay", |shutdown| relay.run(shutdown));
    let retention = Retention::new(worker_pool.clone(), &config.outbox.retention);
    workers.spawn("outbox-retention", |shutdown| retention.run(shutdown));
    let interval = config.idempotency_purge_interval;
    let purged = worker_pool.clone();
    workers.spawn("idempotency-purge", |shutdown| {
        workers::purge_idempotency_keys(purged, interval, shutdown)
    });
    let payments = consumer(
        ConsumerGroup::EVENT_PAYMENT,
        &worker_pool,
        &config,
        &outbox,
        PaymentEvents,
    );
    workers.spawn("payment-consumer", |shutdown| payments.run(shutdown));
    let reservations = consumer(
        ConsumerGroup::EVENT_RESERVATION,
        &worker_pool,
        &config,
        &outbox,
        ReservationEvents,
    );
    workers.spawn("reservation-consumer", |shutdown| reservations.run(shutdown));
    let changes = consumer(
        ConsumerGroup::EVENT_EVENT,
        &worker_pool,
        &config,
        &outbox,
        EventEvents(Arc::clone(&reads)),
    );
    workers.spawn("event-consumer", |shutdown| changes.run(shutdown));
    workers.spawn("cache-forgetting", |shutdown| reads.keep_forgetting(shutdown));

    Application::bind(&config.server, router, health, workers).await
}

fn consumer<H: Handler>(
    group: ConsumerGroup,
    pool: &PgPool,
    config: &Config,
    outbox: &Outbox,
    handler: H,
) -> Consumer<H> {
    Consumer::new(
        group,
        pool.clone(),
        &config.outbox.kafka,
        &config.outbox.consumer,
        handler,
    )
    .waking(outbox)
}
