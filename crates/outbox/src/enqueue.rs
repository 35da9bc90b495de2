//! Writing messages into the outbox.

use std::collections::BTreeMap;

use chrono::DateTime;
use common::context::{self, REQUEST_ID_HEADER, TRACEPARENT_HEADER};
use messages::{Envelope, Message, Metadata};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::headers;

/// A statement should not outgrow a megabyte or so.
const MAX_ROWS_PER_STATEMENT: usize = 500;

/// Enqueues a message in the caller's transaction and returns its id. It carries the current request id and trace
/// context, and the message being handled as its cause.
///
/// The caller has locked the row that `message.key()` names, in this transaction: that is what keeps a key's messages in
/// the order of their commits. It commits with [`crate::Outbox::commit`].
///
/// # Errors
///
/// When the row cannot be inserted: the transaction is lost then.
pub async fn enqueue<M: Message>(connection: &mut PgConnection, message: &M) -> Result<Uuid, sqlx::Error> {
    let id = Uuid::now_v7();
    insert(connection, &[id], &[message]).await?;
    Ok(id)
}

/// Enqueues several messages of one type; those of one key are sent in the given order.
///
/// # Errors
///
/// As [`enqueue`].
pub async fn enqueue_all<M: Message>(connection: &mut PgConnection, messages: &[M]) -> Result<(), sqlx::Error> {
    for chunk in messages.chunks(MAX_ROWS_PER_STATEMENT) {
        let ids: Vec<Uuid> = chunk.iter().map(|_| Uuid::now_v7()).collect();
        insert(connection, &ids, &chunk.iter().collect::<Vec<_>>()).await?;
    }
    Ok(())
}

async fn insert<M: Message>(connection: &mut PgConnection, ids: &[Uuid], messages: &[&M]) -> Result<(), sqlx::Error> {
    let context = context::current();
    let headers = BTreeMap::from([
        (headers::EVENT_TYPE, M::TYPE.to_owned()),
        (REQUEST_ID_HEADER, context.request_id.clone()),
        (TRACEPARENT_HEADER, context.trace.to_string()),
    ]);
    let mut aggregate_ids = Vec::with_capacity(messages.len());
    let mut keys = Vec::with_capacity(messages.len());
    let mut envelopes = Vec::with_capacity(messages.len());
    for (&id, &message) in ids.iter().zip(messages) {
        let metadata = Metadata {
            correlation_id: Some(context.correlation_id()),
            causation_id: context.causation_id,
            user_id: message.user_id(),
        };
        // The statement puts the database's time in place of this one.
        let envelope = Envelope::wrap(message, id, DateTime::UNIX_EPOCH, metadata)
            .map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
        aggregate_ids.push(message.aggregate_id());
        keys.push(message.key().to_string());
        envelopes.push(Json(envelope));
    }
    sqlx::query(
        r#"
            insert into common.outbox_events
                (id, aggregate_type, aggregate_id, event_type, topic, message_key, payload, headers)
            select
                message.id,
                $1,
                message.aggregate_id,
                $2,
                $3,
                message.key,
                message.envelope || jsonb_build_object(
                    'timestamp', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                ),
                $4
            from unnest($5::uuid[], $6::uuid[], $7::text[], $8::jsonb[]) with ordinality
                as message (id, aggregate_id, key, envelope, position)
            order by message.position
        "#,
    )
    .bind(M::AGGREGATE.as_str())
    .bind(M::TYPE)
    .bind(M::TOPIC.name())
    .bind(Json(headers))
    .bind(ids)
    .bind(aggregate_ids)
    .bind(keys)
    .bind(envelopes)
    .execute(connection)
    .await?;
    Ok(())
}
