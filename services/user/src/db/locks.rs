use common::identity::Role;
use sqlx::PgConnection;
use uuid::Uuid;

/// How an account stands that is about to be locked or unlocked.
pub(crate) struct Standing {
    pub(crate) id: Uuid,
    pub(crate) role: Option<Role>,
    pub(crate) status: String,
    pub(crate) email_hash: Option<[u8; 32]>,
}

impl Standing {
    pub(crate) fn is_active_admin(&self) -> bool {
        self.role == Some(Role::Admin) && self.status == "ACTIVE"
    }
}

/// Locks the rows of these accounts until the transaction ends, always in the same order.
pub(crate) async fn standings(connection: &mut PgConnection, users: &[Uuid]) -> sqlx::Result<Vec<Standing>> {
    let rows = sqlx::query!(
        r#"
        SELECT id, role, status, email_hash
        FROM user_service.users
        WHERE id = ANY($1)
        ORDER BY id
        FOR NO KEY UPDATE
        "#,
        users,
    )
    .fetch_all(connection)
    .await?;
    let standings = rows.into_iter().map(|row| Standing {
        id: row.id,
        role: Role::parse(&row.role),
        status: row.status,
        email_hash: row.email_hash.and_then(|hash| hash.try_into().ok()),
    });
    Ok(standings.collect())
}

/// Whether the account may act as an administrator now.
pub(crate) async fn is_active_admin(connection: &mut PgConnection, user: Uuid) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"
        SELECT EXISTS (
            SELECT FROM user_service.users WHERE id = $1 AND role = 'ADMIN' AND status = 'ACTIVE'
        ) AS "exists!"
        "#,
        user,
    )
    .fetch_one(connection)
    .await
}

/// Locks an account; false if it was locked or is deleted.
pub(crate) async fn lock(connection: &mut PgConnection, user: Uuid) -> sqlx::Result<bool> {
    let result = sqlx::query!(
        r#"
        UPDATE user_service.users
        SET status = 'LOCKED', locked_from = status, updated_at = clock_timestamp()
        WHERE id = $1 AND status IN ('ACTIVE', 'DORMANT')
        "#,
        user,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Makes a locked account what it was before; false if it was not locked.
pub(crate) async fn unlock(connection: &mut PgConnection, user: Uuid) -> sqlx::Result<bool> {
    let result = sqlx::query!(
        r#"
        UPDATE user_service.users
        SET status = COALESCE(locked_from, 'ACTIVE'), locked_from = NULL, updated_at = clock_timestamp()
        WHERE id = $1 AND status = 'LOCKED'
        "#,
        user,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}
