use common::identity::Role;
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// A refresh token's row, to be.
pub(crate) struct Row {
    pub(crate) id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) family_id: Uuid,
    pub(crate) hash: [u8; 32],
}

/// Whose token it is; only of accounts that may sign in.
pub(crate) struct Owner {
    pub(crate) user_id: Uuid,
    pub(crate) family_id: Uuid,
    pub(crate) role: Role,
}

/// How a token stands that could not be rotated.
pub(crate) enum Standing {
    /// The immediate predecessor of the live member, rotated a moment ago: a lost reply or two tabs.
    JustRotated,
    /// It was rotated long ago, or its successor was rotated too: someone kept a copy.
    Reused,
    /// It expired, or its family has ended.
    Ended,
}

pub(crate) async fn insert(connection: &mut PgConnection, row: &Row, ttl: Duration) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO user_service.auth_tokens (id, user_id, family_id, token_hash, expires_at)
        VALUES ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5))
        "#,
        row.id,
        row.user_id,
        row.family_id,
        row.hash.as_slice(),
        ttl.as_secs_f64(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn owner(connection: &mut PgConnection, hash: &[u8]) -> sqlx::Result<Option<Owner>> {
    let row = sqlx::query!(
        r#"
        SELECT t.user_id, t.family_id, u.role
        FROM user_service.auth_tokens t
        JOIN user_service.users u ON u.id = t.user_id
        WHERE t.token_hash = $1 AND u.status = 'ACTIVE'
        "#,
        hash,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Owner {
        user_id: row.user_id,
        family_id: row.family_id,
        role: Role::parse(&row.role).unwrap_or(Role::User),
    }))
}

/// Retires a live token in favour of its successor; false if it is not live. Its account must be locked.
pub(crate) async fn retire(connection: &mut PgConnection, hash: &[u8], successor: Uuid) -> sqlx::Result<bool> {
    let result = sqlx::query!(
        r#"
        UPDATE user_service.auth_tokens
        SET state = 'ROTATED', successor = $2, rotated_at = clock_timestamp()
        WHERE token_hash = $1 AND state = 'ACTIVE' AND expires_at > clock_timestamp()
        "#,
        hash,
        successor,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

pub(crate) async fn standing(connection: &mut PgConnection, hash: &[u8], grace: Duration) -> sqlx::Result<Standing> {
    let row = sqlx::query!(
        r#"
        SELECT
            t.state,
            COALESCE(t.rotated_at > clock_timestamp() - make_interval(secs => $2), FALSE) AS "recent!",
            COALESCE(s.state = 'ACTIVE', FALSE) AS "successor_is_live!"
        FROM user_service.auth_tokens t
        LEFT JOIN user_service.auth_tokens s ON s.id = t.successor
        WHERE t.token_hash = $1
        "#,
        hash,
        grace.as_secs_f64(),
    )
    .fetch_one(connection)
    .await?;
    Ok(match (row.state.as_str(), row.recent && row.successor_is_live) {
        ("ROTATED", true) => Standing::JustRotated,
        ("ROTATED", false) => Standing::Reused,
        _ => Standing::Ended,
    })
}

/// The families of an account that still live, without `except`. Its account must be locked.
pub(crate) async fn live_families(
    connection: &mut PgConnection,
    user: Uuid,
    except: Option<Uuid>,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        SELECT family_id
        FROM user_service.auth_tokens
        WHERE user_id = $1 AND state = 'ACTIVE' AND family_id IS DISTINCT FROM $2
        ORDER BY family_id
        "#,
        user,
        except,
    )
    .fetch_all(connection)
    .await
}

/// Ends every member of these families that is still live. None may be: ending twice is no error. Their account must be locked.
pub(crate) async fn revoke_families(connection: &mut PgConnection, families: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE user_service.auth_tokens
        SET state = 'REVOKED', rotated_at = COALESCE(rotated_at, clock_timestamp())
        WHERE family_id = ANY($1) AND state <> 'REVOKED'
        "#,
        families,
    )
    .execute(connection)
    .await?;
    Ok(())
}
