//! Sending to Kafka, for the relay and for dead letters: which failure is whose, and a producer that can be gone on with.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rdkafka::{
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::ToBytes,
    producer::{FutureProducer, FutureRecord, Producer},
    util::Timeout,
};
use tracing::warn;

use crate::{KafkaConfig, Logged};

/// Why a message was not sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The library or the broker refuses it for its size, however often it is sent.
    TooLarge(String),
    /// They refuse it for something else that it is.
    Unfit(String),
    /// It may be taken another time.
    Broker(String),
}

pub(crate) struct Sender {
    kafka: KafkaConfig,
    /// After how long a delivery without an answer fails.
    timeout: Duration,
    /// Made when first needed, because a producer has threads, and anew when it broke.
    producer: Mutex<Option<FutureProducer<Logged>>>,
}

impl Sender {
    pub(crate) fn new(kafka: &KafkaConfig, timeout: Duration) -> Self {
        Self {
            kafka: kafka.clone(),
            timeout,
            producer: Mutex::new(None),
        }
    }

    /// The producer of now. It must not be kept: another one may have to take its place.
    pub(crate) fn producer(&self) -> KafkaResult<FutureProducer<Logged>> {
        let mut current = self.current();
        if let Some(producer) = &*current {
            return Ok(producer.clone());
        }
        let producer = self.kafka.producer(self.timeout)?;
        *current = Some(producer.clone());
        Ok(producer)
    }

    /// Sends it and waits until the broker has it.
    pub(crate) async fn send<K, P>(&self, record: FutureRecord<'_, K, P>) -> Result<(), Fault>
    where
        K: ToBytes + ?Sized,
        P: ToBytes + ?Sized,
    {
        let producer = self.producer().map_err(|error| Fault::Broker(error.to_string()))?;
        match producer.send(record, Timeout::Never).await {
            Ok(_) => Ok(()),
            Err((error, _)) => {
                self.drop_if_broken(&producer);
                Err(fault(&error))
            }
        }
    }

    /// An idempotent producer that lost track of its sequence is of no more use; the next one is. What others have under way
    /// with this one fails as well, and they come here one by one.
    fn drop_if_broken(&self, used: &FutureProducer<Logged>) {
        let Some((code, reason)) = used.client().fatal_error() else {
            return;
        };
        let is_used = |other: &mut FutureProducer<Logged>| other.client().native_ptr() == used.client().native_ptr();
        if self.current().take_if(is_used).is_some() {
            warn!(kafka.code = %code, error.message = reason, "the Kafka producer broke and is replaced");
        }
    }

    /// Nothing panics while it holds the lock.
    fn current(&self) -> MutexGuard<'_, Option<FutureProducer<Logged>>> {
        self.producer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An unknown topic is not the message's fault: all messages of the topic would be given up when it only has not been made yet.
fn fault(error: &KafkaError) -> Fault {
    let text = error.to_string();
    match error {
        KafkaError::MessageProduction(
            RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::MessageBatchTooLarge
            | RDKafkaErrorCode::InvalidMessageSize,
        ) => Fault::TooLarge(text),
        KafkaError::MessageProduction(
            RDKafkaErrorCode::InvalidTopic | RDKafkaErrorCode::InvalidRecord | RDKafkaErrorCode::PolicyViolation,
        ) => Fault::Unfit(text),
        _ => Fault::Broker(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::{
        mocking::MockCluster,
        types::{RDKafkaApiKey, RDKafkaRespErr},
    };

    #[tokio::test]
    async fn a_producer_that_broke_is_replaced_and_others_are_kept() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("t", 1, 1).unwrap();
        let kafka = KafkaConfig {
            brokers: cluster.bootstrap_servers(),
            prefix: String::new(),
        };
        let sender = Sender::new(&kafka, Duration::from_secs(20));
        let send = async |bytes: &[u8]| sender.send(FutureRecord::<str, [u8]>::to("t").payload(bytes)).await;
        let which = || sender.producer().unwrap().client().native_ptr();

        assert_eq!(send(b"first").await, Ok(()));
        let first = which();
        let large = send(&[0; 2_000_000]).await;
        assert!(matches!(large, Err(Fault::TooLarge(_))), "{large:?}");
        assert_eq!(send(b"second").await, Ok(()));
        assert_eq!(which(), first);

        cluster.request_errors(
            RDKafkaApiKey::Produce,
            &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER],
        );
        let kept = sender.producer().unwrap();
        let broken = send(b"third").await;
        assert!(matches!(broken, Err(Fault::Broker(_))), "{broken:?}");
        assert!(kept.client().fatal_error().is_some());
        assert_eq!(send(b"third").await, Ok(()));
        assert_ne!(which(), first);
    }
}
