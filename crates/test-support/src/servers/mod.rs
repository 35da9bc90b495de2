//! Servers of a test's own, to be killed and started again: the shared ones must not go down under the other tests.
//!
//! They run the programs that `cargo xtask up` unpacked. `cargo xtask test` tells where these are:
//!
//! | server | variable | needs |
//! |---|---|---|
//! | [`OwnRedis`], [`OwnRedisCluster`] | – | `redis-server` on the `PATH` |
//! | [`OwnPostgres`] | `TICKET_QUEUE_POSTGRES_BIN` | the folder with `initdb` and `postgres` |
//! | [`OwnKafka`] | `TICKET_QUEUE_KAFKA_LIBS` | the folder with Kafka's jars, and `java` on the `PATH` |
//! | [`Browser`] | – | `chromium` and `chromedriver` on the `PATH` |
//!
//! Where the infrastructure was given by address or by Docker there are no such programs; then `start` says what is
//! [`Missing`], and the test that needs them says so and ends.

mod browser;
mod kafka;
mod postgres;
mod process;
mod redis;
mod redis_cluster;

pub use browser::Browser;
pub use kafka::OwnKafka;
pub use postgres::OwnPostgres;
pub use redis::{AofMark, OwnRedis};
pub use redis_cluster::OwnRedisCluster;

use std::path::PathBuf;

/// What is not there to start a server with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing(String);

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Missing {
    /// Says on standard error why a test was left out.
    #[expect(clippy::print_stderr, reason = "this is how a test tells those who run it")]
    pub fn report(&self) {
        eprintln!("LEFT OUT: {self}");
    }
}

/// A program on the `PATH`, or in the system folders that an unprivileged `PATH` leaves out.
fn on_path(program: &str) -> Result<PathBuf, Missing> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .ok_or_else(|| Missing(format!("no `{program}` on the PATH")))
}

/// A file in the folder that a variable names.
fn folder_of(variable: &str, file: &str) -> Result<PathBuf, Missing> {
    let Some(folder) = std::env::var_os(variable).map(PathBuf::from) else {
        return Err(Missing(format!(
            "{variable} is not set; `cargo xtask test` sets it if it runs the infrastructure natively"
        )));
    };
    if file.is_empty() && folder.is_dir() || folder.join(file).is_file() {
        Ok(folder)
    } else {
        Err(Missing(format!(
            "{variable}: there is no {}",
            folder.join(file).display()
        )))
    }
}
