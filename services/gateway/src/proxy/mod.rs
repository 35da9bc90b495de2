//! Passes requests on to the services: over pooled connections, streaming both ways, behind one circuit breaker per service.
//!
//! Order inside one call: breaker, then the time limit, then retries, then the upstream. So the breaker judges what the
//! client sees, and retries share one time limit. A client that leaves, or sends too much or too slowly, is never held
//! against the service: those calls leave no verdict.

mod backend;
mod forward;
mod upload;

pub(crate) use backend::{Backend, BackendConfig};
pub(crate) use forward::{Forwarded, Proxy};
