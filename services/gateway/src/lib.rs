//! The gateway: the one way in from outside (`design.md` §4).
//!
//! A request goes through the [`pipeline`], whose steps are files under [`steps`], and then to a service through the
//! [`proxy`] or to one of the gateway's own [`routes`]. What is let through, for whom and how often stands in the
//! [`route_table`]; what is shared between replicas stands in Redis, asked in [`redis_state`] and nowhere else. The
//! [`server`] around it keeps connections within their limits.
//!
//! *Invariants.* A service behind the gateway never sees an identity that a client wrote: [`steps::strip_identity`] comes
//! before everything that reads a header, and identity headers are written only from a verified token, under the internal
//! credential. Nothing is let through that the route table does not name. Bodies are never collected.
//!
//! *Deliberately absent.* No database and no session state: any replica can answer any request. No checks of a body's
//! content, and none of the event or reservation of a queue token: the services do that.

mod body;
mod client_address;
mod config;
mod exchange;
mod observe;
mod pipeline;
#[cfg(test)]
mod properties;
mod proxy;
mod redis_state;
mod refusal;
mod reply_fields;
mod route_table;
mod routes;
mod server;
mod steps;

pub use config::Config;

use common::{
    Fresh,
    jwt::TokenVerifier,
    lifecycle::{Application, Shutdown, Workers},
    program::Program,
    telemetry,
};
use pipeline::Gateway;
use proxy::Proxy;
use redis_state::{Outage, RedisState};
use route_table::RouteTable;
use routes::{Documents, OwnState, Readiness};
use std::{process::ExitCode, sync::Arc, time::Duration};

/// How often what piles up in memory is cleared away.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// The gateway's process, from its arguments to its end.
pub async fn program() -> ExitCode {
    let program = Program {
        name: "gateway",
        config: Config::from_env,
        build,
        openapi: routes::openapi,
    };
    program.run().await
}

/// Builds the gateway: binds its port and starts its workers.
///
/// # Errors
/// When the port cannot be bound or an address cannot be read.
pub async fn build(config: Config) -> anyhow::Result<Application> {
    // Handles of metrics are kept, so the recorder must be there before the first.
    telemetry::metrics();
    let redis = common::redis::connect(&config.redis)?;
    let proxy = Arc::new(Proxy::new(
        &config.proxy,
        config.signing_key.clone(),
        config.clock.clone(),
    ));
    let readiness = Readiness::new(&redis, &proxy);
    let health = readiness.health();

    let (documented, document) = routes::documented();
    let state = OwnState {
        front_end: config.front_end.clone(),
        clock: config.clock.clone(),
        readiness,
        documents: Documents::new(
            Arc::clone(&proxy),
            config.routes.clone(),
            serde_json::to_value(document)?,
        ),
        requests: Fresh::default(),
        metrics_token: config.metrics_token.clone(),
    };
    let own = routes::router(documented, Arc::new(state));

    let mut workers = Workers::new();
    workers.spawn("upkeep", |shutdown| {
        upkeep(config.routes.clone(), Arc::clone(&proxy), shutdown)
    });
    let server = config.server.clone();
    let tokens = TokenVerifier::new(&config.jwt, config.clock.clone());
    let closing = workers.closing();
    let outage = Arc::new(Outage::none(redis.is_cluster()));
    let serve = move |listener, ending| {
        let settings = config.clone();
        let gateway_of_a_thread = move || {
            let redis = RedisState::new(&config.redis, config.redis_timeout, Arc::clone(&outage))?;
            let proxy = Arc::new(proxy.of_a_thread());
            let (config, tokens, own) = (config.clone(), tokens.clone(), own.clone());
            Ok(Gateway::new(config, tokens, redis, proxy, own, closing.clone()))
        };
        server::serve(listener, ending, settings, gateway_of_a_thread)
    };
    Application::bind_with(&server, serve, health, workers).await
}

/// Clears away the counts of clients that went silent, and connections to services that nobody used.
async fn upkeep(routes: RouteTable, proxy: Arc<Proxy>, shutdown: Shutdown) {
    while !shutdown.sleep(UPKEEP_INTERVAL).await {
        proxy.tidy();
        for quota in routes.limits().iter().flat_map(|limit| limit.quotas()) {
            quota.fallback().forget_idle();
        }
    }
}
