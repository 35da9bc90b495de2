use ::redis::{AsyncConnectionConfig, Client, aio::MultiplexedConnection};
use std::time::Duration;

/// The client's own patience is half a second, which on a machine that runs many tests at once is none.
const PATIENCE: Duration = Duration::from_secs(20);

/// A test's own connection to Redis, to look at what lies there.
///
/// # Panics
/// When Redis cannot be reached.
pub async fn connect_redis(url: &str) -> MultiplexedConnection {
    let patient = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let client = Client::open(url).expect("a usable Redis address");
    let connection = client.get_multiplexed_async_connection_with_config(&patient).await;
    connection.expect("Redis can be reached")
}
