//! The help teaches by examples, and these are commands. What commands print as JSON is JSON, and their exit codes say what came of it.

use clap::{Command, CommandFactory, Parser};
use serde_json::Value;
use test_support::TestEnv;
use ticketctl::Cli;

use crate::command::{superuser, ticketctl};

/// A command, its name with those of the groups around it, and what stands below its help.
fn helps(command: &Command, path: &str, found: &mut Vec<(String, String)>) {
    let path = format!("{path} {}", command.get_name());
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    found.push((path.trim().to_owned(), text));
    // What is hidden is for our own tools.
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        helps(inner, &path, found);
    }
}

#[test]
fn every_group_has_examples_and_every_example_is_a_command() {
    let mut found = Vec::new();
    helps(&Cli::command(), "", &mut found);
    for (path, help) in &found {
        let examples: Vec<&str> = help
            .lines()
            .filter_map(|line| line.strip_prefix("  "))
            .filter(|line| line.starts_with("ticketctl "))
            .collect();
        // A group, or a command that is in none.
        if path.split(' ').count() <= 2 && !path.ends_with("completion") {
            assert!(!examples.is_empty(), "{path} has no examples");
        }
        for example in examples {
            assert!(
                example.starts_with(path.as_str()) || path == "ticketctl",
                "{path}: {example}"
            );
            if let Err(error) = Cli::try_parse_from(example.split(' ')) {
                panic!("{example}: {error}");
            }
        }
    }
}

#[test]
fn every_command_of_a_group_is_in_its_examples() {
    for group in Cli::command().get_subcommands() {
        let examples = group.get_after_help().map(ToString::to_string).unwrap_or_default();
        for command in group.get_subcommands() {
            let command = format!("ticketctl {} {}", group.get_name(), command.get_name());
            assert!(examples.contains(&command), "no example of `{command}`");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_printed_as_json_is_json() {
    let env = TestEnv::new().await.with("BCRYPT_COST", 4).with_topics().await;
    let create = "admin create --email kim@example.com --password correct-horse-1";
    for (command, member) in [
        ("migrate", "/done"),
        ("migrate --only-roles", "/done"),
        ("topics create", "/created"),
        ("topics recreate --lose-messages", "/created/9"),
        (create, "/created"),
        ("admin list", "/0/email"),
        ("admin lock --email kim@example.com", "/changed"),
        ("keys status", "/0/standing"),
        ("keys rotate", "/rows"),
        ("audit --without-portone", "/ok"),
        ("refund list", ""),
        ("refund retry --all-failed", "/putBack"),
        ("saga list", ""),
        ("dlq list", ""),
        ("dlq replay --all-of dlq.payment", ""),
        ("outbox list", "/parked"),
        ("outbox republish", ""),
        ("queue list --queue-url http://127.0.0.1:1", ""),
        ("queue pause --all --operator kim", ""),
    ] {
        let arguments: Vec<&str> = command.split(' ').chain(["--json"]).collect();
        let printed = ticketctl(&env, &arguments).await.ok();
        let json: Value =
            serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{command}: {error}: {printed}"));
        assert!(json.pointer(member).is_some(), "{command}: no {member} in {json}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_tell_failures_from_findings() {
    let env = TestEnv::new().await;
    let audit = ["audit", "--without-portone", "--settle-seconds", "0"];
    assert_eq!(ticketctl(&env, &audit).await.code, Some(0));
    sqlx::query(
        "insert into common.outbox_events
            (id, producer, aggregate_type, aggregate_id, event_type, topic, message_key, payload, parked_at)
         values (uuidv7(), 'payment_svc_user', 'Payment', uuidv7(), 'PaymentSuccess', 'payment.events', 'a', '{}', now())",
    )
    .execute(&superuser(&env).await)
    .await
    .unwrap();
    assert_eq!(ticketctl(&env, &audit).await.code, Some(3));
    let away = [
        "audit",
        "--without-portone",
        "--database-url",
        "postgres://127.0.0.1:1/none",
    ];
    assert_eq!(ticketctl(&env, &away).await.code, Some(1));
    assert_eq!(ticketctl(&env, &["audit", "--nonsense"]).await.code, Some(2));
}
