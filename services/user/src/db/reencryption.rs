//! Every column of personal data, for `ticketctl keys`. A table or column that is missing here would keep an old key alive;
//! a test compares this list with the schema.

use crate::personal_data::Column;
use sqlx::PgConnection;
use uuid::Uuid;

/// The columns in the order in which they are read and written here.
pub(crate) const COLUMNS: [Column; 5] = [Column::Email, Column::Name, Column::Phone, Column::Ci, Column::Di];

/// A row and what its columns hold.
pub(crate) struct Row {
    pub(crate) id: Uuid,
    pub(crate) sealed: Vec<Option<Vec<u8>>>,
}

/// How many rows have something encrypted with a key.
pub(crate) struct Use {
    pub(crate) key_id: String,
    pub(crate) rows: i64,
}

/// Some rows after `after`, in the order of their ids, with something in them that does not begin with `prefix`.
pub(crate) async fn without_prefix(
    connection: &mut PgConnection,
    prefix: &[u8],
    after: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"
        SELECT id,
               ARRAY[email_encrypted, name_encrypted, phone_encrypted, ci_encrypted, di_encrypted]
                   AS "sealed!: Vec<Option<Vec<u8>>>"
        FROM user_service.users
        WHERE id > $1
          AND EXISTS (
              SELECT
              FROM unnest(ARRAY[email_encrypted, name_encrypted, phone_encrypted, ci_encrypted, di_encrypted]) AS sealed
              WHERE substr(sealed, 1, octet_length($2::bytea)) <> $2::bytea
          )
        ORDER BY id
        LIMIT $3
        "#,
        after,
        prefix,
        limit,
    )
    .fetch_all(connection)
    .await
}

/// Replaces what a row holds; false if it holds something else by now.
pub(crate) async fn replace(
    connection: &mut PgConnection,
    row: &Row,
    sealed_anew: &[Option<Vec<u8>>],
) -> sqlx::Result<bool> {
    let result = sqlx::query!(
        r#"
        UPDATE user_service.users
        SET email_encrypted = ($3::bytea[])[1], name_encrypted = ($3::bytea[])[2], phone_encrypted = ($3::bytea[])[3],
            ci_encrypted = ($3::bytea[])[4], di_encrypted = ($3::bytea[])[5]
        WHERE id = $1
          AND ARRAY[email_encrypted, name_encrypted, phone_encrypted, ci_encrypted, di_encrypted] = $2::bytea[]
        "#,
        row.id,
        row.sealed.as_slice() as _,
        sealed_anew as _,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// How many rows each key has, in the order of the keys' ids.
pub(crate) async fn uses(connection: &mut PgConnection) -> sqlx::Result<Vec<Use>> {
    sqlx::query_as!(
        Use,
        r#"
        SELECT encode(substr(sealed, 2, get_byte(sealed, 0)), 'escape') AS "key_id!", count(DISTINCT id) AS "rows!"
        FROM user_service.users,
             unnest(ARRAY[email_encrypted, name_encrypted, phone_encrypted, ci_encrypted, di_encrypted]) AS sealed
        WHERE octet_length(sealed) > 0
        GROUP BY 1
        ORDER BY 1
        "#,
    )
    .fetch_all(connection)
    .await
}
