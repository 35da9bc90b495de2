use chrono::{DateTime, Utc};
use common::identity::Role;
use sqlx::PgConnection;
use uuid::Uuid;

/// An account to be, encrypted and hashed.
pub(crate) struct NewAccount {
    pub(crate) id: Uuid,
    /// None for a social profile without one.
    pub(crate) email_encrypted: Option<Vec<u8>>,
    pub(crate) email_hash: Option<[u8; 32]>,
    /// None for who signs in at a provider.
    pub(crate) password_hash: Option<String>,
    pub(crate) name_encrypted: Vec<u8>,
    pub(crate) phone_encrypted: Option<Vec<u8>>,
    pub(crate) ci_encrypted: Option<Vec<u8>>,
    pub(crate) di_encrypted: Option<Vec<u8>>,
    pub(crate) ci_hash: Option<[u8; 32]>,
    pub(crate) role: Role,
}

/// What a login looks at.
pub(crate) struct Credentials {
    pub(crate) id: Uuid,
    pub(crate) password_hash: Option<String>,
    pub(crate) role: Role,
    pub(crate) status: String,
}

/// Inserts an account and tells when. Breaks `users_email_hash_key` or `users_ci_hash_key` when there is one already.
pub(crate) async fn insert(connection: &mut PgConnection, account: &NewAccount) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar!(
        r#"
        INSERT INTO user_service.users (id, email_encrypted, email_hash, password_hash, name_encrypted, phone_encrypted,
                                        ci_encrypted, di_encrypted, ci_hash, role)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        RETURNING created_at
        "#,
        account.id,
        account.email_encrypted,
        account.email_hash.as_ref().map(<[u8; 32]>::as_slice),
        account.password_hash,
        account.name_encrypted,
        account.phone_encrypted,
        account.ci_encrypted,
        account.di_encrypted,
        account.ci_hash.as_ref().map(<[u8; 32]>::as_slice),
        account.role.as_str(),
    )
    .fetch_one(connection)
    .await
}

/// Whether the person with that CI has an account, or had one that keeps them from another still.
pub(crate) async fn has_account(connection: &mut PgConnection, ci_hash: &[u8; 32]) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM user_service.users WHERE ci_hash = $1) AS "exists!""#,
        ci_hash.as_slice(),
    )
    .fetch_one(connection)
    .await
}

/// Marks an identity verification as used; breaks `used_identity_verifications_pkey` when it was.
pub(crate) async fn use_verification(connection: &mut PgConnection, hash: &[u8; 32]) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO user_service.used_identity_verifications (verification_hash) VALUES ($1)",
        hash.as_slice(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn insert_agreement(
    connection: &mut PgConnection,
    user: Uuid,
    terms_type: &str,
    version: &str,
    agreed: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO user_service.terms_agreements (id, user_id, terms_type, terms_version, agreed)
        VALUES ($1, $2, $3, $4, $5)
        "#,
        Uuid::now_v7(),
        user,
        terms_type,
        version,
        agreed,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn credentials(
    connection: &mut PgConnection,
    email_hash: &[u8; 32],
) -> sqlx::Result<Option<Credentials>> {
    let row = sqlx::query!(
        "SELECT id, password_hash, role, status FROM user_service.users WHERE email_hash = $1",
        email_hash.as_slice(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Credentials {
        id: row.id,
        password_hash: row.password_hash,
        role: Role::parse(&row.role).unwrap_or(Role::User),
        status: row.status,
    }))
}

/// Locks an account until the transaction ends, so that what follows is done to all of its sessions or to none: without
/// it, ending a session while it is being rotated would miss the successor that is just being inserted.
pub(crate) async fn lock(connection: &mut PgConnection, user: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "SELECT id FROM user_service.users WHERE id = $1 FOR NO KEY UPDATE",
        user
    )
    .fetch_optional(connection)
    .await?;
    Ok(())
}

/// Notes a login and locks the account, so that ending all sessions comes before it or ends this one too. False if the
/// account stopped being active since it was read, or if it was the password that let in and it is another one by now.
pub(crate) async fn touch_login(
    connection: &mut PgConnection,
    user: Uuid,
    password_hash: Option<&str>,
) -> sqlx::Result<bool> {
    let result = sqlx::query!(
        r#"
        UPDATE user_service.users
        SET last_login_at = clock_timestamp(), updated_at = clock_timestamp()
        WHERE id = $1 AND status = 'ACTIVE' AND ($2::text IS NULL OR password_hash = $2)
        "#,
        user,
        password_hash,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}
