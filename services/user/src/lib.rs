//! Accounts and sessions (`design.md` §3.1): registration with captcha and identity verification, login, rotation of refresh
//! tokens, logout.
//!
//! | module | what |
//! |---|---|
//! | `routes` | one file per endpoint |
//! | `domain` | email, name, phone, password and terms, parsed at the edge |
//! | `db` | the only place with SQL |
//! | `personal_data` | encryption of columns, and the keyed hashes that find them |
//! | `key_rotation` | writing personal data anew with another key |
//! | `passwords` | bcrypt on a bounded number of blocking threads |
//! | `lock_out` | counting bad passwords |
//! | `sessions` | token pairs: issuing, rotation, ending |
//! | `login_states`, `signup_tokens` | what a social login and the sign-up after it are held together with |
//! | `opening` | what every way to a new account ends with |
//! | `signing_in` | what every way to sign in ends with |
//! | `reauthentication` | the owner shows the password again |
//! | `visitor` | who asks, as the gateway saw it |
//! | `blacklist` | what the gateway knows of sessions that have ended |
//! | `seeding` | accounts by the ten thousand, for load tests |
//! | `workers` | telling the gateway, dormancy, deletion of what is old |
//! | `providers` | reCAPTCHA, PortOne identity verification, Kakao, Naver, Google |
//!
//! Invariants: no personal data in plain columns, logs or tokens; a refresh token has one successor; a failed login looks
//! the same whether or not the account exists.

mod admin;
mod administrators;
mod blacklist;
mod config;
mod db;
mod domain;
mod key_rotation;
mod lock_out;
mod login_states;
mod opening;
mod passwords;
mod personal_data;
mod providers;
mod reauthentication;
mod routes;
mod seeding;
mod sessions;
mod signing_in;
mod signup_tokens;
mod state;
mod visitor;
mod workers;

pub use admin::{AdminAccount, AdminOutcome, create_admin};
pub use administrators::{AdminLock, AdminLockOutcome, Administrator, list_admins, lock_admin};
pub use config::Config;
pub use key_rotation::{KeyStanding, KeyUse, Rotated, key_use, rotate_keys};
pub use seeding::{SeedAccount, seed_accounts};

use common::{
    Clock,
    health::Health,
    lifecycle::{Application, Workers},
    program::Program,
};
use state::App;
use std::process::ExitCode;

/// The document of its API as JSON.
///
/// # Errors
/// When it cannot be written.
fn openapi() -> anyhow::Result<String> {
    common::http::document(routes::INFO, routes::documented())
}

/// The service's process, from its arguments to its end.
pub async fn program() -> ExitCode {
    let program = Program {
        name: routes::INFO.name,
        config: Config::from_env,
        build,
        openapi: |_| openapi(),
    };
    program.run().await
}

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
    let mut workers = Workers::new();
    common::db::measure(&mut workers, &[("requests", &app.db)]);
    workers.spawn("blacklist", |shutdown| workers::tell_blacklist(app.clone(), shutdown));
    workers.spawn("dormancy", |shutdown| workers::make_dormant(app.clone(), shutdown));
    workers.spawn("purge", |shutdown| workers::purge(app.clone(), shutdown));
    Application::bind(&server, router, health, workers).await
}
