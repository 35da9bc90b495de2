//! A dead letter, as the consumer that gave it up described it.

use std::{collections::BTreeMap, fmt, str::FromStr};

use anyhow::{Context, ensure};
use chrono::{DateTime, Utc};
use messages::{ConsumerGroup, Envelope, Topic};
use outbox::headers;
use rdkafka::{
    Message as _,
    message::{Headers as _, OwnedMessage},
};

/// Where a dead letter lies, written as in `dlq.payment:12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) topic: Topic,
    pub(crate) offset: i64,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.topic.name(), self.offset)
    }
}

impl FromStr for Place {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (topic, offset) = text
            .split_once(':')
            .context("a dead letter is named as in dlq.payment:12")?;
        Ok(Self {
            topic: dlq_topic(topic)?,
            offset: offset.parse().context("the offset is not a number")?,
        })
    }
}

/// Reads the name of a dead-letter topic, for the command line.
pub(crate) fn dlq_topic(name: &str) -> anyhow::Result<Topic> {
    let topic = Topic::from_name(name).with_context(|| format!("there is no topic {name}"))?;
    ensure!(topic.is_dlq(), "{name} does not hold dead letters");
    Ok(topic)
}

/// A dead letter. Its parts may be missing or wrong: anybody can write to the topic.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) place: Place,
    pub(crate) at: Option<DateTime<Utc>>,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) payload: Vec<u8>,
    pub(crate) headers: BTreeMap<String, String>,
    /// The message in it, if it is one.
    pub(crate) message: Option<Envelope>,
}

impl Letter {
    pub(crate) fn new(topic: Topic, record: &OwnedMessage) -> Self {
        let payload = record.payload().unwrap_or_default().to_vec();
        Self {
            place: Place {
                topic,
                offset: record.offset(),
            },
            at: record.timestamp().to_millis().and_then(DateTime::from_timestamp_millis),
            key: record.key().map(<[u8]>::to_vec),
            headers: record
                .headers()
                .iter()
                .flat_map(|headers| headers.iter())
                .map(|header| {
                    let value = String::from_utf8_lossy(header.value.unwrap_or_default()).into_owned();
                    (header.key.to_owned(), value)
                })
                .collect(),
            message: Envelope::parse(&payload).ok(),
            payload,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The group that could not handle it.
    pub(crate) fn group(&self) -> Option<ConsumerGroup> {
        let name = self.header(headers::DLQ_GROUP)?;
        ConsumerGroup::ALL.into_iter().find(|group| group.name() == name)
    }

    /// The topic that it came from.
    pub(crate) fn source(&self) -> Option<Topic> {
        Topic::from_name(self.header(headers::DLQ_TOPIC)?)
    }

    /// Where the whole message lies, if this is only its beginning.
    pub(crate) fn whole(&self) -> Option<String> {
        self.header(headers::DLQ_TRUNCATED)?;
        let part = |name| self.header(name).unwrap_or("?");
        let (topic, partition) = (part(headers::DLQ_TOPIC), part(headers::DLQ_PARTITION));
        Some(format!(
            "{topic}, partition {partition}, offset {}",
            part(headers::DLQ_OFFSET)
        ))
    }

    /// What it is, as far as can be told.
    pub(crate) fn kind(&self) -> &str {
        self.message
            .as_ref()
            .map(|message| message.event_type.as_str())
            .or_else(|| self.header(headers::EVENT_TYPE))
            .unwrap_or("?")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let place = Place {
            topic: Topic::DlqPayment,
            offset: 12,
        };
        assert_eq!(place.to_string(), "dlq.payment:12");
        assert_eq!("dlq.payment:12".parse::<Place>().unwrap(), place);
    }

    #[test]
    fn a_letter_that_was_cut_says_where_the_whole_is() {
        let mut letter = Letter {
            place: "dlq.payment:12".parse().unwrap(),
            at: None,
            key: None,
            payload: Vec::new(),
            headers: [
                (headers::DLQ_TOPIC, "payment.events"),
                (headers::DLQ_PARTITION, "2"),
                (headers::DLQ_OFFSET, "77"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            message: None,
        };
        assert_eq!(letter.whole(), None);
        letter
            .headers
            .insert(headers::DLQ_TRUNCATED.to_owned(), "999900".to_owned());
        assert_eq!(
            letter.whole().as_deref(),
            Some("payment.events, partition 2, offset 77")
        );
    }

    #[test]
    fn other_topics_have_no_dead_letters() {
        for text in ["payment.events:1", "dlq.nothing:1", "dlq.payment", "dlq.payment:x"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
