use crate::visitor::Visitor;
use chrono::{DateTime, Utc};
use common::problem::Code;
use sqlx::PgConnection;
use uuid::Uuid;

/// How somebody signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Email,
    Kakao,
    Naver,
    Google,
}

impl Method {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "EMAIL",
            Self::Kakao => "KAKAO",
            Self::Naver => "NAVER",
            Self::Google => "GOOGLE",
        }
    }
}

/// One attempt to sign in.
pub(crate) struct Attempt<'a> {
    /// None if there is no such account: then nothing is remembered, at the same cost.
    pub(crate) user: Option<Uuid>,
    pub(crate) method: Method,
    pub(crate) visitor: Visitor<'a>,
    /// None for a success; otherwise what the visitor was told.
    pub(crate) failure: Option<Code>,
}

/// Remembers an attempt. A failure does not wait for the disk: the wait would tell by time that the account exists, and a
/// crash may cost the last failures.
pub(crate) async fn record(connection: &mut PgConnection, attempt: &Attempt<'_>) -> sqlx::Result<()> {
    if attempt.failure.is_some() {
        super::set_lazy_commit(&mut *connection).await?;
    }
    sqlx::query!(
        r#"
        INSERT INTO user_service.login_history (id, user_id, ip_address, user_agent, login_method, success, failure_reason)
        SELECT $1, id, $3, $4, $5, $6, $7
        FROM user_service.users
        WHERE id = $2 AND status <> 'DELETED'
        -- An account that is being deleted is waited for: it keeps no address.
        FOR KEY SHARE
        "#,
        Uuid::now_v7(),
        attempt.user,
        attempt.visitor.address,
        attempt.visitor.user_agent,
        attempt.method.as_str(),
        attempt.failure.is_none(),
        attempt.failure.map(Code::as_str),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// An attempt as its account's owner sees it.
pub(crate) struct PastAttempt {
    pub(crate) at: DateTime<Utc>,
    pub(crate) ip_address: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) method: String,
    pub(crate) success: bool,
    pub(crate) failure_reason: Option<String>,
}

/// Some of an account's attempts, the latest first.
pub(crate) async fn latest(
    connection: &mut PgConnection,
    user: Uuid,
    limit: i64,
    offset: i64,
) -> sqlx::Result<Vec<PastAttempt>> {
    sqlx::query_as!(
        PastAttempt,
        r#"
        SELECT created_at AS at, ip_address, user_agent, login_method AS method, success, failure_reason
        FROM user_service.login_history
        WHERE user_id = $1
        ORDER BY created_at DESC, id DESC
        LIMIT $2 OFFSET $3
        "#,
        user,
        limit,
        offset,
    )
    .fetch_all(connection)
    .await
}

pub(crate) async fn count(connection: &mut PgConnection, user: Uuid) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM user_service.login_history WHERE user_id = $1"#,
        user,
    )
    .fetch_one(connection)
    .await
}
