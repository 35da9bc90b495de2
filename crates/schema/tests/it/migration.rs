//! Migrating may be repeated and raced.

use futures_util::future::join_all;
use schema::{Error, Passwords};
use sqlx::{Connection, PgConnection};

use crate::fixture::{fresh_name, server};

#[tokio::test]
async fn migrating_twice_and_at_once_is_migrating_once() {
    let names = [fresh_name(), fresh_name()];
    let urls = [0, 1, 0, 1, 0].map(|index| schema::database_url(&server(), &names[index]).unwrap());
    let passwords = Passwords::local();
    for result in join_all(urls.iter().map(|url| schema::migrate(url, &passwords))).await {
        result.unwrap();
    }
    for name in &names {
        schema::drop_database(&server(), name).await.unwrap();
    }
}

#[tokio::test]
async fn copies_of_the_template_can_be_made_at_once() {
    let names: Vec<String> = (0..6).map(|_| fresh_name()).collect();
    let server = server();
    for result in join_all(names.iter().map(|name| schema::create_from_template(&server, name))).await {
        let mut copy = PgConnection::connect(&result.unwrap()).await.unwrap();
        let tables: i64 = sqlx::query_scalar("select count(*) from pg_tables where schemaname = 'payment_service'")
            .fetch_one(&mut copy)
            .await
            .unwrap();
        assert!(tables > 1);
    }
    for name in &names {
        schema::drop_database(&server, name).await.unwrap();
    }
}

#[tokio::test]
async fn a_url_without_a_database_or_a_server_is_an_error_that_says_so() {
    let nowhere = schema::migrate(
        "postgres://postgres:postgres@127.0.0.1:1/ticketing",
        &Passwords::local(),
    )
    .await;
    assert!(matches!(nowhere, Err(Error::Connect { .. })), "{nowhere:?}");
    let malformed = schema::migrate("not a url", &Passwords::local()).await;
    assert!(matches!(malformed, Err(Error::Url(_))), "{malformed:?}");
}

#[tokio::test]
async fn a_migration_that_cannot_have_a_lock_gives_up_and_can_be_run_again() {
    let name = fresh_name();
    let url = schema::database_url(&server(), &name).unwrap();
    schema::migrate(&url, &Passwords::local()).await.unwrap();

    let mut busy = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("begin; lock table user_service._sqlx_migrations in access exclusive mode")
        .execute(&mut busy)
        .await
        .unwrap();
    let refused = schema::migrate(&url, &Passwords::local()).await.unwrap_err();
    let refused = format!("{refused:?}");
    assert!(refused.contains("lock timeout"), "{refused}");

    busy.close().await.unwrap();
    schema::migrate(&url, &Passwords::local()).await.unwrap();
    schema::drop_database(&server(), &name).await.unwrap();
}
