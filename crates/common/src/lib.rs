//! What every service shares, one module per concern:
//!
//! | module | what |
//! |---|---|
//! | [`config`] | settings from the environment; errors name the variable |
//! | [`secrets`], [`live`] | secrets that are exchanged while the process runs; settings in files that change |
//! | [`settings`] | what a program reads of its environment, told by itself |
//! | [`program`] | the `main` of a service, and what else its program can be asked |
//! | [`lifecycle`] | start, workers, graceful shutdown |
//! | [`serving`] | connections, whose requests the shutdown does not cut |
//! | [`telemetry`], [`access_log`] | logs and metrics; the line of each request, cheaply |
//! | [`gauges`], [`vitals`] | gauges of what may end; what a process tells operators of itself |
//! | [`traces`] | spans, and their way to a collector |
//! | [`crash`] | named places where a test can end the process |
//! | [`context`] | request id and trace context, carried through calls and messages |
//! | [`http`] | the layers and fixed routes around a service's own routes |
//! | [`problem`] | errors as `application/problem+json` with a stable code |
//! | [`extract`] | body, query and path extractors that answer with problems |
//! | [`health`] | readiness checks |
//! | [`internal_auth`], [`identity`] | the internal credential, and who the verified request speaks for |
//! | [`address`] | whom a client's address stands for |
//! | [`client`], [`replicas`] | calls from one service to another; which of its processes they go to |
//! | [`jwt`] | access tokens |
//! | [`crypto`] | digests, HMAC, random tokens |
//! | [`db`], [`redis`] | connections and error mapping |
//! | [`idempotency`] | `Idempotency-Key`, claimed in the caller's transaction |
//! | [`page`] | `?page=&size=` and its reply |
//! | [`replies`] | error replies that OpenAPI documents have in common |
//!
//! Nothing here knows a business rule of any service.

pub mod access_log;
pub mod address;
pub mod client;
mod clock;
pub mod config;
pub mod context;
pub mod crash;
pub mod crypto;
pub mod db;
pub mod extract;
mod fresh;
pub mod gauges;
mod handled;
pub mod health;
mod health_probe;
pub mod http;
pub mod idempotency;
pub mod identity;
pub mod internal_auth;
pub mod jwt;
pub mod lifecycle;
pub mod live;
mod log_writer;
mod metric_list;
pub mod page;
pub mod problem;
pub mod program;
pub mod redis;
pub mod replicas;
pub mod replies;
pub mod secrets;
pub mod serving;
pub mod settings;
pub mod telemetry;
pub mod traces;
pub mod vitals;

pub use clock::Clock;
pub use fresh::Fresh;
