//! That a login does the same whether or not the account exists: the same statements, one bcrypt. How much the times differ all
//! the same is measured by the bench `accounts`.

use crate::{
    helpers::{Person, World},
    logs,
};
use test_support::Reply;

const WRONG: &str = "Passw0rd?";

/// The beginnings of the statements that a login took, in their order.
async fn statements(world: &World, email: &str) -> (Reply, Vec<String>) {
    logs::catch();
    let reply = world.try_login(email, WRONG).await;
    let log = logs::caught();
    let summaries = log.lines().filter_map(|line| {
        let (_, rest) = line.split_once("sqlx::query: summary=")?;
        Some(rest.split(" db.statement").next()?.to_owned())
    });
    // The workers', which look once at the start; on a busy machine that is late.
    let workers = [
        "ended_sessions",
        "session_id, ended_at",
        "DELETE",
        "WITH",
        "SELECT id FROM",
    ];
    let own = summaries.filter(|summary| !workers.iter().any(|theirs| summary.contains(theirs)));
    (reply, own.collect())
}

#[tokio::test]
async fn known_or_not_a_login_takes_the_same_statements() {
    let world = World::start_with(&[("BLACKLIST_INTERVAL_SECONDS", "3600")]).await;
    let buyer = Person::buyer();
    world.register(&buyer).await;
    // The first of each row is inserted, the others update it; the sixth is stopped.
    for attempt in 1..=6 {
        let (known, of_known) = statements(&world, &buyer.email).await;
        let (unknown, of_unknown) = statements(&world, "nobody@example.com").await;
        assert!(of_known.len() > 5, "the log shows no statements: {of_known:?}");
        assert_eq!(of_known, of_unknown, "attempt {attempt}");
        assert_eq!(known.status, if attempt <= 5 { 401 } else { 423 });
        assert_eq!(known.status, unknown.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_logins_leaves_the_service_to_answer() {
    let world = World::start_with(&[("BCRYPT_COST", "10"), ("PASSWORD_HASHES_IN_FLIGHT", "1")]).await;
    let outsider = test_support::Api::new(&world.url);
    let emails: Vec<String> = (0..12).map(|number| format!("nobody{number}@example.com")).collect();
    let mut logins: futures_util::stream::FuturesUnordered<_> =
        emails.iter().map(|email| world.try_login(email, WRONG)).collect();
    // One has been through bcrypt, so the others are at it or wait for it.
    let first = futures_util::StreamExt::next(&mut logins).await.unwrap();
    assert_eq!(first.status, 401);
    let health = tokio::select! {
        health = outsider.get("/health/live") => Some(health),
        () = async { while futures_util::StreamExt::next(&mut logins).await.is_some() {} } => None,
    };
    let health = health.expect("the logins came first");
    let _up = health.expect(200);
}
