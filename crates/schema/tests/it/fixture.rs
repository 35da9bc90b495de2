//! A migrated database per test.

use schema::{Login, Passwords};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

#[expect(
    clippy::disallowed_methods,
    reason = "the address of the test server is no setting of a service"
)]
pub(crate) fn server() -> String {
    std::env::var("TICKET_QUEUE_POSTGRES_URL")
        .unwrap_or_else(|_| "postgres://postgres:postgres@127.0.0.1:15432/postgres".to_owned())
}

pub(crate) fn fresh_name() -> String {
    format!("test_{}", Uuid::new_v4().simple())
}

/// Dropped with the test.
pub(crate) struct Database {
    pub(crate) name: String,
}

impl Database {
    pub(crate) async fn migrated() -> Self {
        let name = fresh_name();
        schema::create_from_template(&server(), &name).await.unwrap();
        Self { name }
    }

    pub(crate) async fn admin(&self) -> PgConnection {
        PgConnection::connect(&schema::database_url(&server(), &self.name).unwrap())
            .await
            .unwrap()
    }

    pub(crate) async fn login(&self, login: Login) -> PgConnection {
        let url = schema::login_url(&server(), &self.name, login, &Passwords::local()).unwrap();
        PgConnection::connect(&url).await.unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        let cleanup = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(schema::drop_database(&server(), &name)).unwrap();
        });
        cleanup.join().unwrap();
    }
}

/// The SQLSTATE with which a statement was refused.
pub(crate) fn refusal<T>(result: Result<T, sqlx::Error>) -> String {
    let error = result.err().unwrap();
    error.as_database_error().unwrap().code().unwrap().into_owned()
}

pub(crate) const INSUFFICIENT_PRIVILEGE: &str = "42501";
