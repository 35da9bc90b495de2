//! Databases for tests: migrated once, then copied, which takes a fraction of the time.

use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, postgres::PgConnectOptions};

use crate::{
    Passwords,
    migrate::{
        ACCESS, During, Error, MIGRATIONS, SETUP, connect, create_database, create_roles, database_exists,
        lock_cluster, migrate_schemas, quote,
    },
};

/// Makes the template of the embedded migrations unless it exists, and returns its name, which is theirs.
///
/// # Errors
///
/// See [`Error`].
pub async fn template(admin_url: &str) -> Result<String, Error> {
    let options: PgConnectOptions = admin_url.parse().map_err(Error::Url)?;
    let name = template_name();

    // The usual case needs no lock.
    let mut cluster = connect(&options.clone().database("postgres")).await?;
    let ready = is_template(&mut cluster, &name).await?;
    cluster.close().await.during("close the connection")?;
    if ready {
        return Ok(name);
    }

    let mut cluster = lock_cluster(&options).await?;
    if !is_template(&mut cluster, &name).await? {
        create_roles(&mut cluster, &Passwords::local()).await?;
        if database_exists(&mut cluster, &name).await? {
            // Somebody was interrupted while making it.
            drop_if_exists(&mut cluster, &name).await?;
        }
        create_database(&mut cluster, &name, "").await?;
        migrate_schemas(&options.clone().database(&name)).await?;
        // The mark of completeness. Without connections nobody can hold up a copy.
        let finish = format!(
            "alter database {} with is_template true allow_connections false",
            quote(&name)
        );
        cluster
            .execute(AssertSqlSafe(finish))
            .await
            .during("finish the template")?;
    }
    cluster.close().await.during("release the migration lock")?;
    Ok(name)
}

/// Makes the database `name` as a copy of the [`template`], and returns its administrator's URL.
///
/// # Errors
///
/// See [`Error`]; among them that it exists already.
pub async fn create_from_template(admin_url: &str, name: &str) -> Result<String, Error> {
    let template = template(admin_url).await?;
    let options: PgConnectOptions = admin_url.parse().map_err(Error::Url)?;
    let mut cluster = connect(&options.clone().database("postgres")).await?;
    create_database(&mut cluster, name, &format!("template {}", quote(&template))).await?;
    cluster.close().await.during("close the connection")?;

    let mut database = connect(&options.database(name)).await?;
    database.execute(ACCESS).await.during("set who may connect")?;
    database.close().await.during("close the connection")?;
    crate::database_url(admin_url, name)
}

/// Drops a database, ending whatever is connected to it. Does nothing when there is none.
///
/// # Errors
///
/// See [`Error`].
pub async fn drop_database(admin_url: &str, name: &str) -> Result<(), Error> {
    let options: PgConnectOptions = admin_url.parse().map_err(Error::Url)?;
    let mut cluster = connect(&options.database("postgres")).await?;
    drop_if_exists(&mut cluster, name).await?;
    cluster.close().await.during("close the connection")
}

async fn drop_if_exists(cluster: &mut PgConnection, name: &str) -> Result<(), Error> {
    let statement = format!("drop database if exists {} with (force)", quote(name));
    cluster
        .execute(AssertSqlSafe(statement))
        .await
        .during("drop the database")?;
    Ok(())
}

async fn is_template(cluster: &mut PgConnection, name: &str) -> Result<bool, Error> {
    sqlx::query_scalar("select exists (select from pg_database where datname = $1 and datistemplate)")
        .bind(name)
        .fetch_one(cluster)
        .await
        .during("look for the template")
}

fn template_name() -> String {
    let mut hash = Sha256::new();
    for statements in SETUP {
        hash.update(statements);
    }
    for (schema, migrator) in &MIGRATIONS {
        hash.update(schema);
        for migration in migrator.iter() {
            hash.update(migration.version.to_be_bytes());
            hash.update(&migration.checksum);
        }
    }
    format!("ticketing_template_{}", &hex::encode(hash.finalize())[..16])
}
