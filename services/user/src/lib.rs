//! Accounts and sessions (`design.md` §3.1): registration with captcha and identity verification, login, rotation of refresh
//! tokens, logout.
//!
//! | module | what |
//! |---|---|
//! | `routes` | one file per endpoint |
//! | `domain` | email, name, phone, password and terms, parsed at the edge |
//! | `db` | the only place with SQL |
//! | `personal_data` | encryption of columns, and the keyed hashes that find them |
//! | `passwords` | bcrypt on a bounded number of blocking threads |
//! | `sessions` | token pairs: issuing, rotation, ending |
//! | `providers` | reCAPTCHA and PortOne identity verification |
//!
//! Invariants: no personal data in plain columns, logs or tokens; a refresh token has one successor; a failed login looks
//! the same whether or not the account exists.

mod admin;
mod config;
mod db;
mod domain;
mod passwords;
mod personal_data;
mod providers;
mod routes;
mod sessions;
mod state;

pub use admin::{AdminAccount, AdminOutcome, create_admin};
pub use config::Config;

use common::{
    Clock,
    health::Health,
    lifecycle::{Application, Workers},
};
use state::App;

/// Builds the service: connections are made when first used, the port is bound at once.
///
/// # Errors
/// When a setting cannot be used or the port is taken.
pub async fn build(config: Config) -> anyhow::Result<Application> {
    build_with_clock(config, Clock::system()).await
}

/// As [`build`], with a clock that tests can move.
///
/// # Errors
/// As [`build`].
pub async fn build_with_clock(config: Config, clock: Clock) -> anyhow::Result<Application> {
    let server = config.server.clone();
    let app = App::new(config, clock).await?;
    let health = Health::new().with_postgres(&app.db).with_redis(&app.redis);
    let router = routes::router(&app, &health);
    Application::bind(&server, router, health, Workers::new()).await
}
