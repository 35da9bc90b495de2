//! A service's login reaches its own schema and no other.

use schema::Login;
use sqlx::{AssertSqlSafe, Executor, PgConnection};

use crate::fixture::{Database, INSUFFICIENT_PRIVILEGE, refusal};

async fn tables_of(admin: &mut PgConnection, login: Login) -> Vec<String> {
    sqlx::query_scalar("select tablename::text from pg_tables where schemaname = $1 order by tablename")
        .bind(login.schema())
        .fetch_all(admin)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_login_can_do_nothing_with_another_services_tables() {
    let database = Database::migrated().await;
    let mut admin = database.admin().await;
    for login in Login::ALL {
        let mut connection = database.login(login).await;
        for other in Login::ALL.into_iter().filter(|other| *other != login) {
            let tables = tables_of(&mut admin, other).await;
            assert!(tables.len() > 1, "{other:?} has tables");
            for table in tables {
                let table = format!("{}.{table}", other.schema());
                for statement in [
                    format!("select from {table}"),
                    format!("insert into {table} default values"),
                    format!("delete from {table}"),
                    format!("truncate {table}"),
                ] {
                    let result = connection.execute(AssertSqlSafe(statement.clone())).await;
                    assert_eq!(refusal(result), INSUFFICIENT_PRIVILEGE, "{login:?}: {statement}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_login_reads_and_writes_its_own_tables_and_owns_none() {
    let database = Database::migrated().await;
    let mut admin = database.admin().await;
    for login in Login::ALL {
        let mut connection = database.login(login).await;
        for table in tables_of(&mut admin, login)
            .await
            .into_iter()
            .filter(|table| table != "_sqlx_migrations")
        {
            // Without the schema's name: the login's search path leads there.
            connection
                .execute(AssertSqlSafe(format!("select from {table}")))
                .await
                .unwrap();
            connection
                .execute(AssertSqlSafe(format!("delete from {table} where false")))
                .await
                .unwrap();
            let owned = connection.execute(AssertSqlSafe(format!("drop table {table}"))).await;
            assert_eq!(refusal(owned), INSUFFICIENT_PRIVILEGE, "{login:?}: {table}");
        }
        let migrations = connection
            .execute(AssertSqlSafe(format!(
                "delete from {}._sqlx_migrations",
                login.schema()
            )))
            .await;
        assert_eq!(refusal(migrations), INSUFFICIENT_PRIVILEGE);
    }
    let foreign: Vec<String> = sqlx::query_scalar(
        "select format('%s.%s', schemaname, tablename) from pg_tables
         where (schemaname like '%_service' or schemaname = 'common') and tableowner <> 'ticketing_migrator'",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    assert_eq!(foreign, Vec::<String>::new());
}

#[tokio::test]
async fn a_login_can_neither_make_objects_nor_become_another_role() {
    let database = Database::migrated().await;
    for login in Login::ALL {
        let mut connection = database.login(login).await;
        for statement in [
            "create table mine (id int)",
            "create table public.mine (id int)",
            "create schema mine",
            "create temporary table mine (id int)",
            "create function mine() returns int language sql return 1",
            "set role ticketing_migrator",
            "set session authorization postgres",
            "alter table common.outbox_events disable row level security",
            "create role mine",
        ] {
            let result = connection.execute(statement).await;
            assert_eq!(refusal(result), INSUFFICIENT_PRIVILEGE, "{login:?}: {statement}");
        }
    }
}

#[tokio::test]
async fn the_public_may_not_even_connect() {
    let database = Database::migrated().await;
    let allowed: bool = sqlx::query_scalar(
        "select has_database_privilege('pg_monitor', current_database(), 'connect')
            or has_schema_privilege('pg_monitor', 'public', 'usage')
            or has_schema_privilege('pg_monitor', 'common', 'usage')",
    )
    .fetch_one(&mut database.admin().await)
    .await
    .unwrap();
    assert!(!allowed);
}
