//! The Redis beside the gateway.

use test_support::connect_redis;

/// A logical database of its own.
pub(crate) struct Redis {
    pub(crate) url: String,
    connection: redis::aio::MultiplexedConnection,
}

impl Redis {
    #[expect(
        clippy::disallowed_methods,
        reason = "the address of the test server is no setting of the gateway"
    )]
    pub(crate) async fn lease() -> Self {
        let server = std::env::var("TICKET_QUEUE_REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:16379".to_owned());
        let mut connection = connect_redis(&format!("{server}/0")).await;
        let lease: u32 = redis::cmd("INCR")
            .arg("test:lease")
            .query_async(&mut connection)
            .await
            .unwrap();
        let url = format!("{server}/{}", lease % 500 + 1);
        let mut connection = connect_redis(&url).await;
        redis::cmd("FLUSHDB").query_async::<()>(&mut connection).await.unwrap();
        Self { url, connection }
    }

    pub(crate) async fn set(&self, key: &str, value: &str) {
        redis::cmd("SET")
            .arg(key)
            .arg(value)
            .query_async::<()>(&mut self.connection.clone())
            .await
            .unwrap();
    }

    pub(crate) async fn keys(&self) -> Vec<String> {
        redis::cmd("KEYS")
            .arg("*")
            .query_async(&mut self.connection.clone())
            .await
            .unwrap()
    }

    pub(crate) async fn command(&self, name: &str, arguments: &[&str]) {
        redis::cmd(name)
            .arg(arguments)
            .query_async::<()>(&mut self.connection.clone())
            .await
            .unwrap();
    }
}
