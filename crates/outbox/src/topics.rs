//! Making the topics: the broker is told not to make any by itself, because it would choose their size.

use std::time::Duration;

use anyhow::{Context, bail};
use messages::Topic;
use rdkafka::{
    admin::{AdminOptions, NewTopic, TopicReplication},
    types::RDKafkaErrorCode,
};

use crate::KafkaConfig;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Makes the topics that are missing, with as many replicas as the broker is set to make, and returns their names.
///
/// # Errors
///
/// When the broker does not answer or refuses.
pub async fn create(brokers: &str, prefix: &str) -> anyhow::Result<Vec<String>> {
    let names = names(prefix);
    let retention = Topic::ALL.map(|topic| topic.retention().as_millis().to_string());
    let topics: Vec<NewTopic<'_>> = Topic::ALL
        .iter()
        .zip(&names)
        .zip(&retention)
        .map(|((topic, name), retention)| {
            NewTopic::new(name, topic.partitions(), TopicReplication::Fixed(-1)).set("retention.ms", retention)
        })
        .collect();
    let options = AdminOptions::new()
        .request_timeout(Some(TIMEOUT))
        .operation_timeout(Some(TIMEOUT));
    let results = admin(brokers, prefix)?
        .create_topics(&topics, &options)
        .await
        .context("the broker does not answer")?;
    let mut created = Vec::new();
    for result in results {
        match result {
            Ok(name) => created.push(name),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, code)) => bail!("the broker refuses to make the topic {name}: {code}"),
        }
    }
    Ok(created)
}

/// Deletes the topics of this prefix with everything in them.
///
/// # Errors
///
/// When the broker does not answer or refuses.
pub async fn delete(brokers: &str, prefix: &str) -> anyhow::Result<()> {
    let names = names(prefix);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let options = AdminOptions::new()
        .request_timeout(Some(TIMEOUT))
        .operation_timeout(Some(TIMEOUT));
    for result in admin(brokers, prefix)?
        .delete_topics(&names, &options)
        .await
        .context("the broker does not answer")?
    {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic)) => {}
            Err((name, code)) => bail!("the broker refuses to delete the topic {name}: {code}"),
        }
    }
    Ok(())
}

fn names(prefix: &str) -> Vec<String> {
    Topic::ALL.iter().map(|topic| topic.with_prefix(prefix)).collect()
}

fn admin(brokers: &str, prefix: &str) -> anyhow::Result<rdkafka::admin::AdminClient<crate::Logged>> {
    KafkaConfig {
        brokers: brokers.to_owned(),
        prefix: prefix.to_owned(),
    }
    .admin()
    .context("the Kafka settings are refused")
}
