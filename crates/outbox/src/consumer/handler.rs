//! What a service writes to handle messages.

use std::{fmt, future::Future};

use common::client::ClientError;
use futures_util::future::BoxFuture;
use messages::{Envelope, ParseError};
use sqlx::PgConnection;

/// Handles the messages of a consumer group.
pub trait Handler: Send + Sync + 'static {
    /// The types it handles. Others of the topic are passed over, so that producers may add some.
    const TYPES: &'static [&'static str];

    /// Handles one message in the transaction that also marks it as handled and that the runner commits.
    ///
    /// What is done outside of the transaction may be done again: it may fail to commit, or be repeated after a failure.
    fn handle(
        &self,
        transaction: &mut PgConnection,
        message: &Envelope,
    ) -> impl Future<Output = Result<Handled, HandlerError>> + Send;
}

/// The message took effect.
#[derive(Default)]
#[must_use]
pub struct Handled {
    pub(super) afterwards: Option<BoxFuture<'static, ()>>,
}

impl Handled {
    /// Nothing else is to be done.
    pub fn done() -> Self {
        Self::default()
    }

    /// Runs `action` once the transaction has committed, before the next message of the partition. It does not happen if
    /// the process dies in between, so it is for what heals otherwise as well: a cache entry, a hold that expires.
    pub fn and_then(action: impl Future<Output = ()> + Send + 'static) -> Self {
        Self {
            afterwards: Some(Box::pin(action)),
        }
    }
}

impl fmt::Debug for Handled {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Handled")
            .field("afterwards", &self.afterwards.is_some())
            .finish()
    }
}

/// Why a message was not handled; it decides what happens next. The `From` implementations choose for the usual causes.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// Something that all messages need is down: wait for it, however long, and blame no message.
    #[error("a dependency is down: {0:#}")]
    Unavailable(anyhow::Error),
    /// It may go better another time: try a few times, then the dead-letter topic.
    #[error("{0:#}")]
    Transient(anyhow::Error),
    /// It will never go better: the dead-letter topic at once.
    #[error("{0:#}")]
    Permanent(anyhow::Error),
}

impl From<sqlx::Error> for HandlerError {
    fn from(error: sqlx::Error) -> Self {
        if common::db::is_unavailable(&error) {
            Self::Unavailable(error.into())
        } else {
            Self::Transient(error.into())
        }
    }
}

impl From<ParseError> for HandlerError {
    fn from(error: ParseError) -> Self {
        Self::Permanent(error.into())
    }
}

impl From<redis::RedisError> for HandlerError {
    fn from(error: redis::RedisError) -> Self {
        if common::redis::is_unavailable(&error) {
            Self::Unavailable(error.into())
        } else {
            Self::Transient(error.into())
        }
    }
}

impl From<ClientError> for HandlerError {
    fn from(error: ClientError) -> Self {
        if matches!(error, ClientError::Unavailable { .. }) {
            Self::Unavailable(error.into())
        } else {
            Self::Transient(error.into())
        }
    }
}

impl From<anyhow::Error> for HandlerError {
    /// Looks for a cause that one of the other conversions knows.
    fn from(error: anyhow::Error) -> Self {
        let down = error.chain().any(|cause| {
            let database = cause.downcast_ref::<sqlx::Error>();
            let redis = cause.downcast_ref::<redis::RedisError>();
            database.is_some_and(common::db::is_unavailable)
                || redis.is_some_and(common::redis::is_unavailable)
                || matches!(cause.downcast_ref(), Some(ClientError::Unavailable { .. }))
        });
        let unparsable = error.chain().any(<dyn std::error::Error>::is::<ParseError>);
        match (down, unparsable) {
            (true, _) => Self::Unavailable(error),
            (false, true) => Self::Permanent(error),
            (false, false) => Self::Transient(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;
    use redis::{RedisError, Value, parse_redis_value};

    /// What Redis answers, as an error.
    fn refusal(line: &str) -> RedisError {
        let reply = parse_redis_value(format!("-{line}\r\n").as_bytes()).and_then(Value::extract_error);
        reply.unwrap_err()
    }

    fn is_down(error: impl Into<HandlerError>) -> bool {
        matches!(error.into(), HandlerError::Unavailable(_))
    }

    #[test]
    fn a_redis_that_cannot_serve_is_no_messages_fault() {
        for line in [
            "OOM command not allowed when used memory > 'maxmemory'.",
            "MISCONF Redis is configured to save RDB snapshots",
            "NOREPLICAS Not enough good replicas to write.",
            "READONLY You can't write against a read only replica.",
            "LOADING Redis is loading the dataset in memory",
            "MASTERDOWN Link with MASTER is down",
            "CLUSTERDOWN The cluster is down",
        ] {
            assert!(is_down(refusal(line)), "{line}");
            let wrapped = Err::<(), _>(refusal(line)).context("a place was not ended");
            assert!(is_down(wrapped.unwrap_err()), "{line}");
        }
        for line in ["ERR unknown command", "WRONGTYPE Operation against a key"] {
            assert!(!is_down(refusal(line)), "{line}");
            assert!(!is_down(anyhow::Error::new(refusal(line))), "{line}");
        }
    }
}
