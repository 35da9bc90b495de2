use chrono::{DateTime, Utc};
use common::identity::Role;
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// An account at a provider, by the keyed hash of its id there.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// `KAKAO`, `NAVER`, `GOOGLE`.
    pub(crate) provider: &'a str,
    pub(crate) hash: &'a [u8; 32],
}

/// Whom a social account signs in.
pub(crate) struct LinkedUser {
    pub(crate) id: Uuid,
    pub(crate) role: Role,
    pub(crate) status: String,
}

/// A social account as its owner sees it.
pub(crate) struct SocialAccount {
    pub(crate) provider: String,
    pub(crate) linked_at: DateTime<Utc>,
}

/// What came of unlinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unlinked {
    Done,
    /// None of that provider is linked.
    NotLinked,
    /// The account has no password and no other social account.
    TheLast,
}

/// Whom the social account signs in. Once an account has been deleted for `rejoin_after`, it is nobody any more.
pub(crate) async fn linked_user(
    connection: &mut PgConnection,
    subject: Subject<'_>,
    rejoin_after: Duration,
) -> sqlx::Result<Option<LinkedUser>> {
    let row = sqlx::query!(
        r#"
        SELECT u.id, u.role, u.status
        FROM user_service.social_accounts s
        JOIN user_service.users u ON u.id = s.user_id
        WHERE s.provider = $1
          AND s.subject_hash = $2
          AND NOT (u.status = 'DELETED' AND u.deleted_at <= clock_timestamp() - make_interval(secs => $3))
        "#,
        subject.provider,
        subject.hash.as_slice(),
        rejoin_after.as_secs_f64(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| LinkedUser {
        id: row.id,
        role: Role::parse(&row.role).unwrap_or(Role::User),
        status: row.status,
    }))
}

/// Forgets that the social account signed in an account that was deleted long enough ago.
pub(crate) async fn release(
    connection: &mut PgConnection,
    subject: Subject<'_>,
    rejoin_after: Duration,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        DELETE FROM user_service.social_accounts s
        USING user_service.users u
        WHERE u.id = s.user_id
          AND s.provider = $1
          AND s.subject_hash = $2
          AND u.status = 'DELETED'
          AND u.deleted_at <= clock_timestamp() - make_interval(secs => $3)
        "#,
        subject.provider,
        subject.hash.as_slice(),
        rejoin_after.as_secs_f64(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The same for some whoever they are; how many.
pub(crate) async fn release_some(
    connection: &mut PgConnection,
    rejoin_after: Duration,
    limit: i64,
) -> sqlx::Result<u64> {
    let released = sqlx::query!(
        r#"
        DELETE FROM user_service.social_accounts
        WHERE id IN (
            SELECT s.id
            FROM user_service.social_accounts s
            JOIN user_service.users u ON u.id = s.user_id
            WHERE u.status = 'DELETED' AND u.deleted_at <= clock_timestamp() - make_interval(secs => $1)
            LIMIT $2
            FOR UPDATE OF s SKIP LOCKED
        )
        "#,
        rejoin_after.as_secs_f64(),
        limit,
    )
    .execute(connection)
    .await?;
    Ok(released.rows_affected())
}

/// Links a social account and tells when. Breaks `social_accounts_subject_key` when it signs in somebody already, and
/// `social_accounts_user_key` when the user has another one of that provider.
pub(crate) async fn link(
    connection: &mut PgConnection,
    user: Uuid,
    subject: Subject<'_>,
) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar!(
        r#"
        INSERT INTO user_service.social_accounts (id, user_id, provider, subject_hash)
        VALUES ($1, $2, $3, $4)
        RETURNING linked_at
        "#,
        Uuid::now_v7(),
        user,
        subject.provider,
        subject.hash.as_slice(),
    )
    .fetch_one(connection)
    .await
}

/// Since when the social account is that user's, if it is.
pub(crate) async fn linked_since(
    connection: &mut PgConnection,
    user: Uuid,
    subject: Subject<'_>,
) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!(
        r#"
        SELECT linked_at
        FROM user_service.social_accounts
        WHERE user_id = $1 AND provider = $2 AND subject_hash = $3
        "#,
        user,
        subject.provider,
        subject.hash.as_slice(),
    )
    .fetch_optional(connection)
    .await
}

/// Unlinks the user's social account of a provider. The account must be locked, so that of two that are unlinked at once the
/// second is seen to be the last.
pub(crate) async fn unlink(connection: &mut PgConnection, user: Uuid, provider: &str) -> sqlx::Result<Unlinked> {
    let ways = sqlx::query!(
        r#"
        SELECT
            u.password_hash IS NOT NULL AS "password!",
            EXISTS (SELECT FROM user_service.social_accounts s WHERE s.user_id = u.id AND s.provider = $2) AS "this!",
            EXISTS (SELECT FROM user_service.social_accounts s WHERE s.user_id = u.id AND s.provider <> $2) AS "other!"
        FROM user_service.users u
        WHERE u.id = $1
        "#,
        user,
        provider,
    )
    .fetch_one(&mut *connection)
    .await?;
    if !ways.this {
        return Ok(Unlinked::NotLinked);
    }
    if !ways.password && !ways.other {
        return Ok(Unlinked::TheLast);
    }
    sqlx::query!(
        "DELETE FROM user_service.social_accounts WHERE user_id = $1 AND provider = $2",
        user,
        provider,
    )
    .execute(connection)
    .await?;
    Ok(Unlinked::Done)
}

/// The user's social accounts, by provider.
pub(crate) async fn of(connection: &mut PgConnection, user: Uuid) -> sqlx::Result<Vec<SocialAccount>> {
    sqlx::query_as!(
        SocialAccount,
        "SELECT provider, linked_at FROM user_service.social_accounts WHERE user_id = $1 ORDER BY provider",
        user,
    )
    .fetch_all(connection)
    .await
}
