use crate::db;
use messages::EventChanged;
use outbox::{Handled, HandlerError};
use sqlx::PgConnection;

/// An event changed: copies of it with a lower version are stale from now on, in every replica.
pub(super) async fn handle(transaction: &mut PgConnection, changed: &EventChanged) -> Result<Handled, HandlerError> {
    db::raise_event_version(transaction, changed.concert_id, changed.version).await?;
    Ok(Handled::done())
}
