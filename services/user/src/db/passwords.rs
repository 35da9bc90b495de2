use sqlx::PgConnection;
use uuid::Uuid;

/// What the owner of a session is asked to show again.
pub(crate) struct OwnCredentials {
    pub(crate) status: String,
    pub(crate) password_hash: Option<String>,
    pub(crate) email_hash: Option<[u8; 32]>,
}

/// The account of a verified person.
pub(crate) struct PersonsAccount {
    pub(crate) id: Uuid,
    pub(crate) email_hash: Option<[u8; 32]>,
}

pub(crate) async fn own_credentials(connection: &mut PgConnection, user: Uuid) -> sqlx::Result<Option<OwnCredentials>> {
    let row = sqlx::query!(
        "SELECT status, password_hash, email_hash FROM user_service.users WHERE id = $1",
        user,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| OwnCredentials {
        status: row.status,
        password_hash: row.password_hash,
        email_hash: row.email_hash.and_then(|hash| hash.try_into().ok()),
    }))
}

/// The account that a person has now, locked until the transaction ends; a deleted one is none.
pub(crate) async fn lock_of_person(
    connection: &mut PgConnection,
    ci_hash: &[u8; 32],
) -> sqlx::Result<Option<PersonsAccount>> {
    let row = sqlx::query!(
        r#"
        SELECT id, email_hash
        FROM user_service.users
        WHERE ci_hash = $1 AND status <> 'DELETED'
        FOR NO KEY UPDATE
        "#,
        ci_hash.as_slice(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| PersonsAccount {
        id: row.id,
        email_hash: row.email_hash.and_then(|hash| hash.try_into().ok()),
    }))
}

/// Replaces the password of an active account; false if it is not the old one any more.
pub(crate) async fn replace_password(
    connection: &mut PgConnection,
    user: Uuid,
    old_hash: &str,
    new_hash: &str,
) -> sqlx::Result<bool> {
    let result = sqlx::query!(
        r#"
        UPDATE user_service.users
        SET password_hash = $3, updated_at = clock_timestamp()
        WHERE id = $1 AND password_hash = $2 AND status = 'ACTIVE'
        "#,
        user,
        old_hash,
        new_hash,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Sets the password of a locked account, whatever it was. One without an email gets none: nobody could sign in with it, and
/// it would look like a way to.
pub(crate) async fn set_password(connection: &mut PgConnection, user: Uuid, hash: &str) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE user_service.users
        SET password_hash = $2, updated_at = clock_timestamp()
        WHERE id = $1 AND email_hash IS NOT NULL
        "#,
        user,
        hash,
    )
    .execute(connection)
    .await?;
    Ok(())
}
