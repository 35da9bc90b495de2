use sqlx::{PgPool, postgres::PgPoolOptions};

/// The services' books, read as the superuser. What must hold in them is stated in `ticketctl::audit`.
pub struct Books {
    db: PgPool,
}

impl Books {
    /// Opens a system's database.
    pub(crate) async fn open(url: &str) -> Self {
        let db = PgPoolOptions::new()
            .max_connections(2)
            .connect(url)
            .await
            .expect("the database can be reached");
        Self { db }
    }

    /// Asks for one number.
    ///
    /// # Panics
    /// When the statement is wrong.
    pub async fn count(&self, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement)
            .fetch_one(&self.db)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"))
    }
}

/// Asks a system's database for one number, as the superuser.
///
/// # Panics
/// When it cannot be asked.
pub async fn count(database: &str, statement: &'static str) -> i64 {
    Books::open(database).await.count(statement).await
}
