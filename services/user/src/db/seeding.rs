//! Many accounts in one statement.

use sqlx::PgConnection;
use uuid::Uuid;

/// An account to be, encrypted and hashed.
pub(crate) struct SeedRow {
    pub(crate) id: Uuid,
    pub(crate) email_hash: Vec<u8>,
    pub(crate) email_encrypted: Vec<u8>,
    pub(crate) name_encrypted: Vec<u8>,
    pub(crate) phone_encrypted: Vec<u8>,
}

/// Which of these hashes have an account.
pub(crate) async fn ids(connection: &mut PgConnection, hashes: &[Vec<u8>]) -> sqlx::Result<Vec<(Vec<u8>, Uuid)>> {
    let rows = sqlx::query!(
        r#"SELECT email_hash AS "email_hash!", id FROM user_service.users WHERE email_hash = ANY($1)"#,
        hashes,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.email_hash, row.id)).collect())
}

/// Inserts those whose email has no account yet.
pub(crate) async fn insert(connection: &mut PgConnection, rows: Vec<SeedRow>, password_hash: &str) -> sqlx::Result<()> {
    let (mut ids, mut hashes, mut emails) = (Vec::new(), Vec::new(), Vec::new());
    let (mut names, mut phones) = (Vec::new(), Vec::new());
    for row in rows {
        ids.push(row.id);
        hashes.push(row.email_hash);
        emails.push(row.email_encrypted);
        names.push(row.name_encrypted);
        phones.push(row.phone_encrypted);
    }
    sqlx::query!(
        r#"
        INSERT INTO user_service.users (id, email_hash, email_encrypted, name_encrypted, phone_encrypted, password_hash)
        SELECT id, email_hash, email, name, phone, $6
        FROM unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[])
            AS seed (id, email_hash, email, name, phone)
        ON CONFLICT (email_hash) DO NOTHING
        "#,
        &ids,
        &hashes,
        &emails,
        &names,
        &phones,
        password_hash,
    )
    .execute(connection)
    .await?;
    Ok(())
}
