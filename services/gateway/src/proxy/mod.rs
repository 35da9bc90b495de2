//! Passes requests on to the services: over pooled connections, streaming both ways, behind one circuit breaker per service,
//! to all of its replicas ([`way`]).
//!
//! Order inside one call: breaker, then the time limit, then retries, then the upstream. So the breaker judges what the
//! client sees, and retries share one time limit. A client that leaves soon, or sends too much or too slowly, is never held
//! against the service: those calls leave no verdict. One that leaves after it has waited for long is ([`call`]). What a service says with a 5xx passes only if it is a problem of ours.

mod backend;
mod call;
mod client;
mod forward;
mod replies;
mod upload;
mod way;

pub(crate) use backend::{Backend, BackendConfig};
pub(crate) use client::ServiceBody;
pub(crate) use forward::{Forwarded, Proxy};
