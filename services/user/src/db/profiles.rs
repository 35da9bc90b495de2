use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// What is told of an account, still encrypted. A deleted one has lost all personal data.
pub(crate) struct Profile {
    pub(crate) id: Uuid,
    pub(crate) email_encrypted: Option<Vec<u8>>,
    pub(crate) name_encrypted: Option<Vec<u8>>,
    pub(crate) phone_encrypted: Option<Vec<u8>>,
    pub(crate) role: String,
    pub(crate) status: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) last_login_at: Option<DateTime<Utc>>,
    pub(crate) deleted_at: Option<DateTime<Utc>>,
}

pub(crate) async fn by_id(connection: &mut PgConnection, user: Uuid) -> sqlx::Result<Option<Profile>> {
    sqlx::query_as!(
        Profile,
        r#"
        SELECT id, email_encrypted, name_encrypted, phone_encrypted, role, status, created_at, last_login_at, deleted_at
        FROM user_service.users
        WHERE id = $1
        "#,
        user,
    )
    .fetch_optional(connection)
    .await
}

pub(crate) async fn by_email(connection: &mut PgConnection, email_hash: &[u8; 32]) -> sqlx::Result<Option<Profile>> {
    sqlx::query_as!(
        Profile,
        r#"
        SELECT id, email_encrypted, name_encrypted, phone_encrypted, role, status, created_at, last_login_at, deleted_at
        FROM user_service.users
        WHERE email_hash = $1
        "#,
        email_hash.as_slice(),
    )
    .fetch_optional(connection)
    .await
}

/// Some of all accounts, the newest first.
pub(crate) async fn newest(connection: &mut PgConnection, limit: i64, offset: i64) -> sqlx::Result<Vec<Profile>> {
    sqlx::query_as!(
        Profile,
        r#"
        SELECT id, email_encrypted, name_encrypted, phone_encrypted, role, status, created_at, last_login_at, deleted_at
        FROM user_service.users
        ORDER BY created_at DESC, id DESC
        LIMIT $1 OFFSET $2
        "#,
        limit,
        offset,
    )
    .fetch_all(connection)
    .await
}

pub(crate) async fn count(connection: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM user_service.users"#)
        .fetch_one(connection)
        .await
}

/// All accounts of administrators, the oldest first.
pub(crate) async fn administrators(connection: &mut PgConnection) -> sqlx::Result<Vec<Profile>> {
    sqlx::query_as!(
        Profile,
        r#"
        SELECT id, email_encrypted, name_encrypted, phone_encrypted, role, status, created_at, last_login_at, deleted_at
        FROM user_service.users
        WHERE role = 'ADMIN' AND status <> 'DELETED'
        ORDER BY created_at, id
        "#,
    )
    .fetch_all(connection)
    .await
}

/// Changes what is given of an active account; None if there is none. Each statement changes its own columns only, so that
/// two changes at once do not undo each other.
pub(crate) async fn update(
    connection: &mut PgConnection,
    user: Uuid,
    name_encrypted: Option<&[u8]>,
    phone_encrypted: Option<&[u8]>,
) -> sqlx::Result<Option<Profile>> {
    sqlx::query_as!(
        Profile,
        r#"
        UPDATE user_service.users
        SET name_encrypted = COALESCE($2, name_encrypted),
            phone_encrypted = COALESCE($3, phone_encrypted),
            updated_at = clock_timestamp()
        WHERE id = $1 AND status = 'ACTIVE'
        RETURNING id, email_encrypted, name_encrypted, phone_encrypted, role, status, created_at, last_login_at, deleted_at
        "#,
        user,
        name_encrypted,
        phone_encrypted,
    )
    .fetch_optional(connection)
    .await
}
