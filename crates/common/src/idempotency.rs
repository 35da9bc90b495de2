//! `Idempotency-Key` (`design.md` §2): unique per user and route for 24 hours, claimed in the transaction of the effect.
//!
//! Each schema whose service uses this has the table, found by the login's `search_path`:
//!
//! ```sql
//! CREATE TABLE idempotency_keys (
//!     user_id      uuid        NOT NULL,
//!     route        text        NOT NULL,
//!     key          text        NOT NULL,
//!     request_hash bytea       NOT NULL,
//!     status       smallint,
//!     body         jsonb,
//!     created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
//!     PRIMARY KEY (user_id, route, key)
//! );
//! CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);
//! ```
//!
//! A refused request rolls back and leaves its key free. While the first request runs it holds a transaction-scoped
//! advisory lock, so a second one learns soon that it must wait instead of hanging on the row.

use crate::{
    crypto,
    problem::{Code, Problem},
};
use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Serialize;
use serde_json::Value;
use sqlx::{PgConnection, Row};
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

/// How often the lock of a key is tried for, and how long is waited in between: a fifth of a second in all.
const LOCK_ATTEMPTS: u32 = 5;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// Header with the client's key.
pub const IDEMPOTENCY_KEY_HEADER: &str = "idempotency-key";

/// The key a request came with, if any: 1–128 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(IDEMPOTENCY_KEY_HEADER) else {
            return Ok(Self(None));
        };
        value
            .to_str()
            .ok()
            .filter(|key| (1..=128).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()))
            .map(|key| Self(Some(key.to_owned())))
            .ok_or_else(|| Problem::invalid("Idempotency-Key", "must be 1 to 128 visible characters"))
    }
}

/// What a claim found.
#[derive(Debug)]
pub enum Claim {
    /// The first request with this key, or one without a key: do the work, then call [`Claimed::complete`].
    New(Claimed),
    /// The same request was answered before; this is that answer.
    Replay {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: Value,
    },
}

/// A claimed key; nothing if the request came without one.
#[derive(Debug)]
pub struct Claimed(Option<(Uuid, String, String)>);

/// Claims the key for `user` and `route` inside the caller's transaction.
///
/// # Errors
/// 422 `IDEMPOTENCY_KEY_REUSED` when the key came with another `request` before, 409 `IDEMPOTENCY_IN_FLIGHT` while the first
/// one runs.
pub async fn claim(
    connection: &mut PgConnection,
    user: Uuid,
    route: &str,
    key: &IdempotencyKey,
    request: &impl Serialize,
) -> Result<Claim, Problem> {
    let Some(key) = &key.0 else {
        return Ok(Claim::New(Claimed(None)));
    };
    let request = serde_json::to_vec(request).map_err(|error| Problem::internal(&error))?;
    let hash = crypto::sha256(&request);
    // Most often the first request is long over, and its lock is nobody's business.
    if let Some(replay) = find(connection, user, route, key, &hash).await? {
        return Ok(replay);
    }
    lock(connection, user, route, key).await?;
    // A key of yesterday is as good as a new one.
    let claimed = sqlx::query(
        "INSERT INTO idempotency_keys AS known (user_id, route, key, request_hash) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id, route, key) DO UPDATE
         SET request_hash = excluded.request_hash, status = NULL, body = NULL, created_at = clock_timestamp()
         WHERE known.created_at < clock_timestamp() - interval '24 hours'",
    )
    .bind(user)
    .bind(route)
    .bind(key)
    .bind(hash.as_slice())
    .execute(&mut *connection)
    .await?;
    if claimed.rows_affected() == 0 {
        // The first request has ended since we looked.
        let replay = find(connection, user, route, key, &hash).await?;
        return replay.ok_or_else(|| Problem::new(Code::IdempotencyInFlight));
    }
    Ok(Claim::New(Claimed(Some((user, route.to_owned(), key.clone())))))
}

/// What the key's first request was answered, if it has ended.
async fn find(
    connection: &mut PgConnection,
    user: Uuid,
    route: &str,
    key: &str,
    hash: &[u8],
) -> Result<Option<Claim>, Problem> {
    let row = sqlx::query(
        "SELECT request_hash, status, body FROM idempotency_keys
         WHERE user_id = $1 AND route = $2 AND key = $3 AND created_at >= clock_timestamp() - interval '24 hours'",
    )
    .bind(user)
    .bind(route)
    .bind(key)
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if row.try_get::<Vec<u8>, _>("request_hash")? != hash {
        return Err(Problem::new(Code::IdempotencyKeyReused));
    }
    let status: Option<i16> = row.try_get("status")?;
    let status = status.and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
    let body: Option<Value> = row.try_get("body")?;
    Ok(Some(Claim::Replay {
        status,
        body: body.unwrap_or(Value::Null),
    }))
}

/// Takes the key for this transaction. A request that was answered a moment ago may hold it still: what it did not commit is
/// rolled back after the reply.
async fn lock(connection: &mut PgConnection, user: Uuid, route: &str, key: &str) -> Result<(), Problem> {
    let digest = crypto::hmac_sha256(b"idempotency", &[user.as_bytes(), route.as_bytes(), key.as_bytes()]);
    let lock = i64::from_be_bytes([
        digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7],
    ]);
    for attempt in 1..=LOCK_ATTEMPTS {
        let ours: bool = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)")
            .bind(lock)
            .fetch_one(&mut *connection)
            .await?;
        if ours {
            return Ok(());
        }
        if attempt < LOCK_ATTEMPTS {
            sleep(LOCK_PAUSE).await;
        }
    }
    Err(Problem::new(Code::IdempotencyInFlight))
}

impl Claimed {
    /// Keeps the answer for later requests with the same key; in the same transaction, last.
    ///
    /// # Errors
    /// 500 when the claim is gone, which means that another transaction was passed in.
    pub async fn complete(
        self,
        connection: &mut PgConnection,
        status: u16,
        body: &impl Serialize,
    ) -> Result<(), Problem> {
        let Some((user, route, key)) = self.0 else {
            return Ok(());
        };
        let body = serde_json::to_value(body).map_err(|error| Problem::internal(&error))?;
        let result = sqlx::query(
            "UPDATE idempotency_keys SET status = $4, body = $5 WHERE user_id = $1 AND route = $2 AND key = $3",
        )
        .bind(user)
        .bind(route)
        .bind(key)
        .bind(i16::try_from(status).unwrap_or(200))
        .bind(body)
        .execute(connection)
        .await?;
        crate::db::ensure_one(&result)
    }
}

/// Deletes keys older than 24 hours and tells how many; for a worker, in chunks that hold no lock for long.
///
/// # Errors
/// When the database fails.
pub async fn purge(pool: &sqlx::PgPool) -> Result<u64, sqlx::Error> {
    let result = sqlx::query(
        "DELETE FROM idempotency_keys WHERE ctid IN (
             SELECT ctid FROM idempotency_keys WHERE created_at < clock_timestamp() - interval '24 hours' LIMIT 1000)",
    )
    .execute(pool)
    .await?;
    Ok(result.rows_affected())
}
