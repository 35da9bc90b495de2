//! From one Kafka message to its one effect.

use std::panic::AssertUnwindSafe;

use anyhow::anyhow;
use common::{
    context::{self, REQUEST_ID_HEADER, RequestContext, TRACEPARENT_HEADER},
    crash,
    lifecycle::Shutdown,
};
use futures_util::FutureExt;
use messages::{ConsumerGroup, Envelope};
use rdkafka::{Message as _, message::OwnedMessage};
use sqlx::PgPool;
use std::time::{Duration, Instant};
use tracing::{error, warn};

use super::{
    dead_letter::{DeadLetters, header},
    handler::{Handled, Handler, HandlerError},
    inbox,
};
use crate::{
    ConsumerConfig, Outbox,
    backoff::Backoff,
    headers,
    spans::{self, Processed},
};

pub(super) struct Processor<H> {
    pub(super) group: ConsumerGroup,
    pub(super) pool: PgPool,
    pub(super) handler: H,
    pub(super) outbox: Outbox,
    pub(super) dead_letters: DeadLetters,
    pub(super) config: ConsumerConfig,
}

/// What one try came to.
enum Tried {
    Handled(Handled),
    /// Handled before.
    Repeated,
}

/// Why a message is given up.
struct GivenUp {
    reason: String,
    attempts: u32,
}

impl<H: Handler> Processor<H> {
    /// Brings a message to its end: handled, passed over or dead-lettered. `false` when the shutdown came first; nothing
    /// has happened then.
    pub(super) async fn process(&self, message: &OwnedMessage, stop: &Shutdown) -> bool {
        if header(message, headers::REPLAY_GROUP).is_some_and(|group| group != self.group.name()) {
            self.count("-", "replay_for_another");
            return true;
        }
        let envelope = match Envelope::parse(message.payload().unwrap_or_default()) {
            Ok(envelope) => envelope,
            Err(error) => {
                let given_up = GivenUp {
                    reason: error.to_string(),
                    attempts: 1,
                };
                return self.give_up(message, None, &given_up, stop).await;
            }
        };
        if !H::TYPES.contains(&envelope.event_type.as_str()) {
            return true;
        }
        let mut request = RequestContext::from_parts(
            header(message, REQUEST_ID_HEADER).or(envelope.metadata.correlation_id.map(|id| id.to_string()).as_deref()),
            header(message, TRACEPARENT_HEADER),
        );
        request.causation_id = Some(envelope.event_id);
        let (trace, notes, began) = (request.trace, request.notes(), Instant::now());
        let how = context::scope(request, async {
            match self.try_until_handled(&envelope, stop).await {
                Ok(true) => Processed::Done,
                Err(given_up) if self.give_up(message, Some(&envelope), &given_up, stop).await => Processed::GivenUp,
                Ok(false) | Err(_) => Processed::Interrupted,
            }
        })
        .await;
        spans::processed(trace, &notes, self.group, (message, &envelope), began, how);
        how != Processed::Interrupted
    }

    /// `false` when the shutdown came first.
    async fn try_until_handled(&self, envelope: &Envelope, stop: &Shutdown) -> Result<bool, GivenUp> {
        let mut outage = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        let mut attempts = 0;
        let mut wait = self.config.first_retry;
        loop {
            match self.try_caught(envelope).await {
                Ok(Tried::Handled(Handled { afterwards })) => {
                    self.outbox.wake();
                    if let Some(action) = afterwards
                        && AssertUnwindSafe(action).catch_unwind().await.is_err()
                    {
                        error!(message.id = %envelope.event_id, "what was to be done after a message panicked");
                    }
                    self.count(&envelope.event_type, "handled");
                    // The offset is not stored yet.
                    crash::point_of(
                        "outbox.consumer.handled",
                        &[self.group.name(), envelope.event_type.as_str()],
                    );
                    return Ok(true);
                }
                Ok(Tried::Repeated) => {
                    self.count(&envelope.event_type, "repeated");
                    return Ok(true);
                }
                Err(HandlerError::Unavailable(reason)) => {
                    warn!(
                        kafka.group = self.group.name(),
                        message.id = %envelope.event_id,
                        error.message = format!("{reason:#}"),
                        "waiting for what messages need"
                    );
                    self.count(&envelope.event_type, "waited");
                    outage.wait(stop).await;
                }
                Err(HandlerError::Transient(reason)) => {
                    attempts += 1;
                    if attempts > self.config.retries {
                        return Err(GivenUp {
                            reason: format!("{reason:#}"),
                            attempts,
                        });
                    }
                    warn!(
                        kafka.group = self.group.name(),
                        message.id = %envelope.event_id,
                        message.attempts = attempts,
                        error.message = format!("{reason:#}"),
                        "a message was not handled; trying again"
                    );
                    self.count(&envelope.event_type, "retried");
                    stop.sleep(wait).await;
                    wait = (wait * 2).min(self.config.max_retry);
                }
                Err(HandlerError::Permanent(reason)) => {
                    return Err(GivenUp {
                        reason: format!("{reason:#}"),
                        attempts: attempts + 1,
                    });
                }
            }
            if stop.is_cancelled() {
                return Ok(false);
            }
        }
    }

    /// A handler that panics or hangs has failed like one that returns an error.
    async fn try_caught(&self, envelope: &Envelope) -> Result<Tried, HandlerError> {
        let attempt = AssertUnwindSafe(self.try_once(envelope)).catch_unwind();
        match tokio::time::timeout(self.config.handler_timeout, attempt).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(HandlerError::Transient(anyhow!("the handler panicked"))),
            Err(_) => Err(HandlerError::Transient(anyhow!(
                "the handler took longer than {} s",
                self.config.handler_timeout.as_secs_f64()
            ))),
        }
    }

    /// Inbox row and effect in one transaction.
    async fn try_once(&self, envelope: &Envelope) -> Result<Tried, HandlerError> {
        let mut transaction = self.pool.begin().await?;
        if !inbox::is_first(&mut transaction, envelope.event_id, self.group).await? {
            transaction.rollback().await?;
            return Ok(Tried::Repeated);
        }
        let handled = self.handler.handle(&mut transaction, envelope).await?;
        let passed_for = [self.group.name(), envelope.event_type.as_str()];
        crash::point_of("outbox.consumer.before-commit", &passed_for);
        // When the outcome of the commit is not known the next try finds out by the inbox.
        transaction.commit().await?;
        crash::point_of("outbox.consumer.committed", &passed_for);
        Ok(Tried::Handled(handled))
    }

    async fn give_up(
        &self,
        message: &OwnedMessage,
        envelope: Option<&Envelope>,
        given_up: &GivenUp,
        stop: &Shutdown,
    ) -> bool {
        let event_type = envelope.map_or("-", |envelope| envelope.event_type.as_str());
        error!(
            kafka.group = self.group.name(),
            kafka.partition = message.partition(),
            kafka.offset = message.offset(),
            message.id = envelope.map(|envelope| envelope.event_id.to_string()),
            message.kind = event_type,
            message.attempts = given_up.attempts,
            error.message = given_up.reason,
            "a message goes to the dead-letter topic"
        );
        let sent = self
            .dead_letters
            .send(message, &given_up.reason, given_up.attempts, stop)
            .await;
        if sent {
            crash::point_of("outbox.dead-letter.sent", &[self.group.name(), event_type]);
            self.count(event_type, "dead_lettered");
        }
        sent
    }

    fn count(&self, event_type: &str, outcome: &'static str) {
        metrics::counter!(
            "consumer_handled_total",
            "group" => self.group.name(),
            "type" => self.known(event_type),
            "outcome" => outcome
        )
        .increment(1);
    }

    /// A label must not take whatever value a message brings.
    fn known(&self, event_type: &str) -> &'static str {
        H::TYPES
            .iter()
            .find(|known| **known == event_type)
            .copied()
            .unwrap_or("-")
    }
}
