//! The consumer runner: one per consumer group and replica.
//!
//! One loop receives and hands each message to its partition's worker, which handles them one after the other, so that the
//! partition's order is kept while partitions do not wait for each other. A partition whose worker falls behind is paused
//! at the broker. When a partition moves to another replica its worker finishes the message in hand and forgets the rest.
//! For a moment both replicas may be at the same message then; the inbox's primary key lets the second wait for the first
//! and find it done.
//!
//! The offset is stored after the message's transaction has committed, and the library commits stored offsets every
//! second and when a partition is given up. What was handled but not yet committed comes again and finds itself in the
//! inbox.
//!
//! A worker that fails by a fault of the runner itself takes its queue with it. Nobody may go on behind that gap, or the next
//! stored offset would leap over it: the group is left, and joined again where the stored offsets are.

mod client;
mod dead_letter;
mod handler;
mod inbox;
mod partition;
mod process;

use std::{collections::HashMap, sync::Arc, time::Duration};

use common::lifecycle::Shutdown;
use messages::ConsumerGroup;
use rdkafka::{
    Message as _, TopicPartitionList,
    consumer::{Consumer as _, StreamConsumer},
    error::KafkaResult,
    message::OwnedMessage,
};
use sqlx::PgPool;
use tokio::{sync::mpsc, task::JoinSet, time::Instant};
use tracing::{error, info, warn};

use crate::{ConsumerConfig, KafkaConfig, Outbox, backoff::Backoff};
use client::{Event, Watcher};
use dead_letter::DeadLetters;
use partition::{Partition, Queue};
use process::Processor;

pub use handler::{Handled, Handler, HandlerError};

/// How long leaving the group may take.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause after an error. While no broker answers, the library reports every failed attempt, and these reports stand in
/// the queue before the messages that come afterwards: whoever takes them up more slowly than they are made goes on
/// working off an outage for many times as long as it lasted.
const AFTER_ERROR: Duration = Duration::from_millis(20);

/// How often an outage is told of.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Handles the messages of one consumer group. See the module's description.
pub struct Consumer<H> {
    processor: Processor<H>,
    kafka: KafkaConfig,
    config: ConsumerConfig,
}

impl<H: Handler> Consumer<H> {
    /// A consumer of `group` whose inbox is in the schema of the login of `pool`. Connects to nothing yet.
    ///
    /// Each of the topic's partitions takes a connection of the pool while it handles a message, so the pool should not be
    /// the one that requests wait for.
    #[must_use]
    pub fn new(group: ConsumerGroup, pool: PgPool, kafka: &KafkaConfig, config: &ConsumerConfig, handler: H) -> Self {
        Self {
            processor: Processor {
                group,
                pool,
                handler,
                outbox: Outbox::default(),
                dead_letters: DeadLetters::new(group, kafka),
                config: config.clone(),
            },
            kafka: kafka.clone(),
            config: config.clone(),
        }
    }

    /// Wakes this relay after each message, for handlers that enqueue some themselves.
    #[must_use]
    pub fn waking(mut self, outbox: &Outbox) -> Self {
        self.processor.outbox = outbox.clone();
        self
    }

    /// Handles messages until the shutdown begins, then finishes those in hand and leaves the group.
    pub async fn run(self, shutdown: Shutdown) {
        let processor = Arc::new(self.processor);
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        while !shutdown.is_cancelled() {
            if let Err(error) = consume(&processor, &self.kafka, &self.config, &shutdown).await {
                // The library refuses the settings. A worker that ends ends the service, which is right then.
                error!(kafka.group = processor.group.name(), error.message = %error, "cannot consume");
                return;
            }
            backoff.wait(&shutdown).await;
        }
    }
}

/// Joins the group and handles messages until the shutdown begins or a worker fails, then leaves.
async fn consume<H: Handler>(
    processor: &Arc<Processor<H>>,
    kafka: &KafkaConfig,
    config: &ConsumerConfig,
    shutdown: &Shutdown,
) -> KafkaResult<()> {
    let group = processor.group;
    let (watcher, events) = Watcher::new(group);
    let topic = group.topic().with_prefix(&kafka.prefix);
    let consumer = Arc::new(client::consumer(kafka, config, group, watcher.clone())?);
    consumer.subscribe(&[&topic])?;
    let mut running = Running {
        topic,
        consumer: Arc::clone(&consumer),
        processor: Arc::clone(processor),
        watcher,
        partitions: HashMap::new(),
        tasks: JoinSet::new(),
    };
    running.receive(events, shutdown).await;
    running.stop().await;
    leave(consumer).await;
    Ok(())
}

struct Running<H> {
    topic: String,
    consumer: Arc<StreamConsumer<Watcher>>,
    processor: Arc<Processor<H>>,
    watcher: Watcher,
    partitions: HashMap<i32, Partition>,
    tasks: JoinSet<()>,
}

impl<H: Handler> Running<H> {
    /// Until the shutdown begins or a worker fails.
    async fn receive(&mut self, mut events: mpsc::UnboundedReceiver<Event>, shutdown: &Shutdown) {
        let mut told: Option<Instant> = None;
        let consumer = Arc::clone(&self.consumer);
        loop {
            // In this order: a partition that was revoked must be forgotten before a message of its next term arrives.
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                Some(event) = events.recv() => self.react(event),
                Some(ended) = self.tasks.join_next() => {
                    if let Err(error) = ended {
                        // Handlers' panics are caught; this one is the runner's own.
                        error!(
                            kafka.group = self.processor.group.name(),
                            error.message = %error,
                            "a partition's worker failed; all begin anew at the stored offsets"
                        );
                        return;
                    }
                }
                received = consumer.recv() => match received {
                    Ok(message) => {
                        told = None;
                        let message = message.detach();
                        // Callbacks run within `recv`, so the events are older than the message.
                        while let Ok(event) = events.try_recv() {
                            self.react(event);
                        }
                        self.hand_over(message);
                    }
                    Err(error) => {
                        if told.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
                            warn!(kafka.topic = self.topic, error.message = %error, "cannot receive; trying again");
                            told = Some(Instant::now());
                        }
                        shutdown.sleep(AFTER_ERROR).await;
                    }
                },
            }
        }
    }

    fn react(&mut self, event: Event) {
        match event {
            Event::Revoked(partitions) => {
                for partition in partitions {
                    // Dropping it tells its worker to stop.
                    self.partitions.remove(&partition);
                }
            }
            Event::Drained(number) => {
                if let Some(partition) = self.partitions.get_mut(&number)
                    && partition.resume()
                    && let Err(error) = self.consumer.resume(&self.only(number))
                {
                    warn!(kafka.partition = number, error.message = %error, "cannot resume a partition");
                }
            }
        }
    }

    fn hand_over(&mut self, message: OwnedMessage) {
        let number = message.partition();
        if !self.partitions.contains_key(&number) {
            let (partition, queue) = Partition::new(number, self.watcher.clone());
            self.tasks
                .spawn(work(Arc::clone(&self.processor), Arc::clone(&self.consumer), queue));
            self.partitions.insert(number, partition);
        }
        let Some(partition) = self.partitions.get_mut(&number) else {
            return;
        };
        if partition.push(message)
            && let Err(error) = self.consumer.pause(&self.only(number))
        {
            warn!(kafka.partition = number, error.message = %error, "cannot pause a partition");
        }
    }

    fn only(&self, partition: i32) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition(&self.topic, partition);
        list
    }

    async fn stop(mut self) {
        self.partitions.clear();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Handles what is in the queue until its partition is dropped.
async fn work<H: Handler>(processor: Arc<Processor<H>>, consumer: Arc<StreamConsumer<Watcher>>, mut queue: Queue) {
    while let Some(message) = queue.next().await {
        if !processor.process(&message, queue.stopped()).await {
            return;
        }
        // It fails when the partition has been revoked meanwhile; whoever has it now starts here and finds it done.
        if let Err(error) = consumer.store_offset(message.topic(), message.partition(), message.offset()) {
            info!(
                kafka.partition = message.partition(),
                kafka.offset = message.offset(),
                error.message = %error,
                "an offset was not stored"
            );
        }
        queue.done();
    }
}

/// Leaving the group commits the stored offsets and lets the others take over at once. The library blocks meanwhile.
async fn leave(consumer: Arc<StreamConsumer<Watcher>>) {
    let (left, leaving) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        drop(consumer);
        let _nobody_waits = left.send(());
    });
    if tokio::time::timeout(LEAVE_TIMEOUT, leaving).await.is_err() {
        warn!("the broker did not let go of the consumer in time");
    }
}
