//! Running `ticketctl` on a test's own system.

use std::process::{Command, Stdio};

use sqlx::PgPool;
use test_support::TestEnv;

/// What a command said and whether it succeeded.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) success: bool,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// What it said; it must have succeeded.
    pub(crate) fn ok(self) -> String {
        assert!(self.success, "{self:?}");
        self.stdout
    }
}

pub(crate) async fn ticketctl(env: &TestEnv, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ticketctl"));
    command
        .args(arguments)
        .envs(env.pairs(None))
        .env("TICKETCTL_DATABASE_URL", env.superuser_url())
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    Ran {
        success: output.status.success(),
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) async fn superuser(env: &TestEnv) -> PgPool {
    PgPool::connect(&env.superuser_url()).await.unwrap()
}
