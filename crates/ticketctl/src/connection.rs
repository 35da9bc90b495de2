//! Where the system is.

use anyhow::Context;
use clap::Args;
use outbox::KafkaConfig;
use sqlx::{Connection, PgConnection};

/// The database, as an administrator.
#[derive(Clone, Debug, Args)]
pub(crate) struct Database {
    /// URL of a role that may create roles and databases (a superuser, or the master user of RDS).
    #[arg(
        long = "database-url",
        env = "TICKETCTL_DATABASE_URL",
        hide_env_values = true,
        default_value = "postgres://postgres:postgres@127.0.0.1:15432/ticketing"
    )]
    pub(crate) url: String,
}

impl Database {
    /// Connects as [`as_operator`] does.
    pub(crate) async fn connect(&self) -> anyhow::Result<PgConnection> {
        as_operator(&self.url).await
    }
}

/// Connects and acts as the migrator, which owns every table and is shown every row of the outbox.
pub(crate) async fn as_operator(url: &str) -> anyhow::Result<PgConnection> {
    let mut connection = PgConnection::connect(url)
        .await
        .context("cannot connect to the database")?;
    sqlx::query("set role ticketing_migrator")
        .execute(&mut connection)
        .await
        .context("cannot act as the migrator; has `ticketctl migrate` been run?")?;
    Ok(connection)
}

/// The Kafka broker.
#[derive(Clone, Debug, Args)]
pub(crate) struct Broker {
    /// Addresses of brokers, separated by commas.
    #[arg(long = "kafka-brokers", env = "KAFKA_BROKERS", default_value = "127.0.0.1:19092")]
    brokers: String,
    /// What the names of this system's topics and consumer groups begin with.
    #[arg(long = "topic-prefix", env = "KAFKA_TOPIC_PREFIX", default_value = "")]
    prefix: String,
}

impl Broker {
    pub(crate) fn config(&self) -> KafkaConfig {
        KafkaConfig {
            brokers: self.brokers.clone(),
            prefix: self.prefix.clone(),
        }
    }
}
