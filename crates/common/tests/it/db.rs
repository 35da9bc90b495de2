//! What an error of the database is to whoever asked, from a real one.

use axum::response::IntoResponse;
use common::{
    db::{is_conflict, is_unavailable},
    problem::{Code, Problem},
};
use http::{StatusCode, header};
use sqlx::{Connection, PgConnection};
use test_support::{Login, TestEnv};

async fn connection() -> (TestEnv, PgConnection) {
    let env = TestEnv::new().await;
    let connection = PgConnection::connect(&env.database_url(Login::User)).await.unwrap();
    (env, connection)
}

/// Lets the database fail with this code.
async fn failed_with(connection: &mut PgConnection, code: &str) -> sqlx::Error {
    let statement = format!("do $$ begin raise exception using errcode = '{code}'; end $$");
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(connection)
        .await
        .unwrap_err()
}

fn assert_come_again(error: sqlx::Error, what: &str) {
    let problem = Problem::from(error);
    assert_eq!(problem.code(), Code::ServiceUnavailable, "{what}");
    let reply = problem.into_response();
    assert_eq!(reply.status(), StatusCode::SERVICE_UNAVAILABLE, "{what}");
    assert!(reply.headers().contains_key(header::RETRY_AFTER), "{what}");
}

#[tokio::test]
async fn a_database_that_cannot_answer_now_is_unavailable() {
    let (_env, mut connection) = connection().await;
    for code in [
        "08006", "25006", "53300", "57014", "57P01", "57P03", "58000", "58030", "58P01",
    ] {
        let error = failed_with(&mut connection, code).await;
        assert!(is_unavailable(&error) && !is_conflict(&error), "{code}");
        assert_come_again(error, code);
    }
}

#[tokio::test]
async fn a_statement_beyond_its_time_and_a_database_that_only_reads_are_unavailable() {
    let (_env, mut connection) = connection().await;
    sqlx::raw_sql("set statement_timeout = '20ms'")
        .execute(&mut connection)
        .await
        .unwrap();
    let slow = sqlx::raw_sql("select pg_sleep(60)").execute(&mut connection).await;
    let slow = slow.unwrap_err();
    assert!(is_unavailable(&slow), "{slow}");

    sqlx::raw_sql("set default_transaction_read_only = on")
        .execute(&mut connection)
        .await
        .unwrap();
    let written = sqlx::raw_sql("update common.outbox_events set published = published")
        .execute(&mut connection)
        .await;
    let written = written.unwrap_err();
    assert!(is_unavailable(&written), "{written}");
}

#[tokio::test]
async fn who_lost_against_another_transaction_may_come_again() {
    let (_env, mut connection) = connection().await;
    for code in ["40001", "40P01"] {
        let error = failed_with(&mut connection, code).await;
        assert!(is_conflict(&error) && !is_unavailable(&error), "{code}");
        assert_come_again(error, code);
    }
}

#[tokio::test]
async fn what_would_fail_again_is_our_fault() {
    let (_env, mut connection) = connection().await;
    for code in ["22012", "23505", "42P01", "40002", "25001", "57000"] {
        let error = failed_with(&mut connection, code).await;
        assert!(!is_unavailable(&error) && !is_conflict(&error), "{code}");
        assert_eq!(Problem::from(error).code(), Code::Internal, "{code}");
    }
}
