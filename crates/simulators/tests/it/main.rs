//! The simulators over HTTP, as the services and the tests of the whole system use them.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do; clippy only exempts the tests themselves"
)]

mod helpers;

mod authorization;
mod cancel;
mod confirm;
mod control;
mod faults;
mod get;
mod idempotency;
mod identity;
mod oauth;
mod pre_register;
mod recaptcha;
mod signing;
mod state_file;
mod webhooks;
mod window;
