//! Changing how a line moves, by an administrator through the API or by an operator on the command line: one code for both, so that
//! both are audited. Replicas see a change when their copy of the settings ends (`EVENT_SETTINGS_CACHE_SECONDS`).

use crate::{
    db::{
        audit,
        event_settings::{self, Changed},
    },
    domain::{Actor, SettingsChange},
};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

/// Changes an event's settings as the named operator, on a connection that may act as the migrator. Whoever dies before the
/// commit has changed nothing.
///
/// # Errors
/// When a value is one that no line can have, or the database cannot be reached. Whether the event exists is not asked here.
pub async fn change_line(
    connection: &mut PgConnection,
    event: Uuid,
    change: &SettingsChange,
    operator: &str,
) -> anyhow::Result<Changed> {
    change.validate()?;
    let mut transaction = connection.begin().await?;
    let changed = self::change(&mut transaction, event, change, Actor::Operator(operator)).await?;
    transaction.commit().await?;
    Ok(changed)
}

/// Changes and audits in the caller's transaction.
pub(crate) async fn change(
    connection: &mut PgConnection,
    event: Uuid,
    change: &SettingsChange,
    actor: Actor<'_>,
) -> Result<Changed, sqlx::Error> {
    let changed = event_settings::change(connection, event, change, actor).await?;
    audit::settings_changed(connection, actor, event, &changed).await?;
    Ok(changed)
}
