use crate::connect_redis;
use common::config::Env;
pub use schema::Login;
use schema::Passwords;
use std::{collections::HashMap, time::Duration};
use uuid::Uuid;

const POSTGRES: &str = "postgres://postgres:postgres@127.0.0.1:15432/postgres";
const REDIS: &str = "redis://127.0.0.1:16379";
const KAFKA: &str = "127.0.0.1:19092";
const S3: &str = "http://127.0.0.1:19000";

/// How long the end of a test waits for its database and topics to be deleted.
const CLEANUP_LIMIT: Duration = Duration::from_secs(2);

/// Logical databases that tests take turns with; the servers are started with 512.
const REDIS_DATABASES: u32 = 500;

/// Where the servers are.
#[derive(Clone, Debug)]
pub struct Servers {
    /// PostgreSQL, as the superuser.
    pub postgres: String,
    /// Redis, without a database.
    pub redis: String,
    /// Kafka's bootstrap address.
    pub kafka: String,
}

impl Servers {
    /// Those that all tests share.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the addresses of the test servers are no settings of a service"
    )]
    pub fn shared() -> Self {
        let given = |variable: &str, default: &str| std::env::var(variable).unwrap_or_else(|_| default.to_owned());
        Self {
            postgres: given("TICKET_QUEUE_POSTGRES_URL", POSTGRES),
            redis: given("TICKET_QUEUE_REDIS_URL", REDIS),
            kafka: given("TICKET_QUEUE_KAFKA", KAFKA),
        }
    }
}

/// One test's own database, Redis database and topics, as settings for services. Database and topics
/// are deleted at the end.
pub struct TestEnv {
    postgres: String,
    database: String,
    redis: String,
    kafka: String,
    prefix: String,
    has_topics: bool,
    settings: HashMap<String, String>,
}

impl TestEnv {
    /// A fresh database with every migration, and an empty Redis database. Topics are made by [`TestEnv::with_topics`].
    ///
    /// # Panics
    /// When a server cannot be reached.
    pub async fn new() -> Self {
        Self::on(Servers::shared()).await
    }

    /// The same on other servers.
    ///
    /// # Panics
    /// When a server cannot be reached.
    pub async fn on(servers: Servers) -> Self {
        let Servers { postgres, redis, kafka } = servers;
        let unique = Uuid::now_v7().simple().to_string();
        let database = format!("test_{unique}");
        schema::create_from_template(&postgres, &database)
            .await
            .expect("a test database can be made");
        Self {
            database,
            redis: lease_redis(&redis).await,
            kafka,
            prefix: format!("t{}.", &unique[20..]),
            has_topics: false,
            postgres,
            settings: HashMap::new(),
        }
    }

    /// Gives the event service a bucket of this test's own, and returns where S3 is and the bucket's name.
    ///
    /// # Panics
    /// When S3 cannot be reached.
    #[expect(
        clippy::disallowed_methods,
        reason = "the addresses of the test servers are no settings of a service"
    )]
    pub async fn with_bucket(mut self) -> (Self, String) {
        let endpoint = std::env::var("TICKET_QUEUE_S3_URL").unwrap_or_else(|_| S3.to_owned());
        let bucket = self.database.replace('_', "-");
        let url = format!("{endpoint}/{bucket}");
        common::lifecycle::install_tls_provider();
        let made = reqwest::Client::new().put(&url).send().await;
        let made = made.and_then(reqwest::Response::error_for_status);
        made.expect("S3 makes a bucket; `cargo xtask up --infra-only` starts it");
        self.set("S3_ENDPOINT", endpoint);
        self.set("POSTER_BUCKET", bucket);
        (self, url)
    }

    /// Makes this test's topics. Only for tests that send messages: it costs a fraction of a second.
    ///
    /// # Panics
    /// When Kafka cannot be reached.
    pub async fn with_topics(mut self) -> Self {
        outbox::topics::create(&self.kafka, &self.prefix)
            .await
            .expect("topics can be made");
        self.has_topics = true;
        self
    }

    /// Lets every service that is built from now on use a cluster of the test's own instead of the Redis database.
    #[must_use]
    pub fn on_redis_cluster(self, cluster: &crate::servers::OwnRedisCluster) -> Self {
        self.with("REDIS_CLUSTER_URLS", cluster.urls())
    }

    /// Sets a variable for every service that is built from now on.
    #[must_use]
    pub fn with(mut self, variable: &str, value: impl ToString) -> Self {
        self.set(variable, value);
        self
    }

    /// As [`TestEnv::with`], in place.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "numbers are given as they are, not as references"
    )]
    pub fn set(&mut self, variable: &str, value: impl ToString) {
        self.settings.insert(variable.to_owned(), value.to_string());
    }

    /// The settings of a service: its login, this test's Redis and Kafka, a port chosen by the system, and what was set.
    ///
    /// # Panics
    /// When a setting is not usable.
    #[must_use]
    pub fn env(&self, login: Option<Login>) -> Env {
        Env::from_pairs(self.pairs(login)).expect("the settings are usable")
    }

    /// The same settings as pairs, for processes.
    #[must_use]
    pub fn pairs(&self, login: Option<Login>) -> HashMap<String, String> {
        let mut pairs: HashMap<String, String> = [
            ("HOST", "127.0.0.1"),
            ("PORT", "0"),
            ("REDIS_URL", &self.redis),
            ("KAFKA_BROKERS", &self.kafka),
            ("KAFKA_TOPIC_PREFIX", &self.prefix),
            ("SHUTDOWN_GRACE_SECONDS", "2"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        if let Some(login) = login {
            pairs.insert("DATABASE_URL".to_owned(), self.database_url(login));
        }
        pairs.extend(self.settings.clone());
        pairs
    }

    /// This test's database, as a service's login.
    ///
    /// # Panics
    /// When the server's address is not usable.
    #[must_use]
    pub fn database_url(&self, login: Login) -> String {
        schema::login_url(&self.postgres, &self.database, login, &Passwords::local()).expect("a usable address")
    }

    /// This test's database, as the superuser: for looking at what services wrote.
    ///
    /// # Panics
    /// When the server's address is not usable.
    #[must_use]
    pub fn superuser_url(&self) -> String {
        schema::database_url(&self.postgres, &self.database).expect("a usable address")
    }

    /// This test's Redis database.
    #[must_use]
    pub fn redis_url(&self) -> &str {
        &self.redis
    }

    /// The brokers.
    #[must_use]
    pub fn kafka(&self) -> &str {
        &self.kafka
    }

    /// The prefix of this test's topics and consumer groups.
    #[must_use]
    pub fn topic_prefix(&self) -> &str {
        &self.prefix
    }
}

impl Drop for TestEnv {
    /// Dropping is synchronous and may happen inside a runtime, so the clean-up gets a thread and a runtime of its own. It
    /// is not waited for without a bound: a connection that is just being made can hold the drop up for a minute.
    fn drop(&mut self) {
        let (postgres, database) = (self.postgres.clone(), self.database.clone());
        let topics = self.has_topics.then(|| (self.kafka.clone(), self.prefix.clone()));
        let (done, cleaned) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            // What stays behind costs some space and harms no other test, so a failure here fails none.
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
                runtime.block_on(async {
                    if let Some((kafka, prefix)) = topics {
                        let _deleted = outbox::topics::delete(&kafka, &prefix).await;
                    }
                    let _dropped = schema::drop_database(&postgres, &database).await;
                });
            }
            let _gone = done.send(());
        });
        let _in_time = cleaned.recv_timeout(CLEANUP_LIMIT);
    }
}

async fn lease_redis(server: &str) -> String {
    let server = server.trim_end_matches('/');
    let number = {
        let mut redis = connect_redis(&format!("{server}/0")).await;
        let lease: u32 = redis::cmd("INCR")
            .arg("test:lease")
            .query_async(&mut redis)
            .await
            .expect("Redis answers");
        lease % REDIS_DATABASES + 1
    };
    let url = format!("{server}/{number}");
    redis::cmd("FLUSHDB")
        .query_async::<()>(&mut connect_redis(&url).await)
        .await
        .expect("Redis answers");
    url
}
