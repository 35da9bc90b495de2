use reqwest::Method;
use serde_json::{Value, json};

use crate::helpers::{World, answer};

const SECRET: &str = "local-recaptcha-secret";

async fn verify(world: &World, form: &[(&str, &str)]) -> Value {
    answer(world.request(Method::POST, "/recaptcha/siteverify").form(form))
        .await
        .ok()
}

async fn token(world: &World, token: &str) -> Value {
    verify(
        world,
        &[("secret", SECRET), ("response", token), ("remoteip", "127.0.0.1")],
    )
    .await
}

fn codes(verdict: &Value) -> &Value {
    assert_eq!(verdict["success"], false);
    &verdict["error-codes"]
}

#[tokio::test]
async fn a_passing_token_passes_once() {
    let world = World::start().await;
    let verdict = token(&world, "sim-pass-1").await;
    assert_eq!(verdict["success"], true);
    assert_eq!(verdict["hostname"], "localhost");
    assert!(chrono::DateTime::parse_from_rfc3339(verdict["challenge_ts"].as_str().unwrap()).is_ok());
    assert!(verdict.get("error-codes").is_none());
    assert_eq!(
        codes(&token(&world, "sim-pass-1").await),
        &json!(["timeout-or-duplicate"])
    );
    assert_eq!(token(&world, "sim-pass-2").await["success"], true);
}

#[tokio::test]
async fn a_token_first_seen_more_than_two_minutes_ago_is_too_old() {
    let world = World::start().await;
    for (seen, waits, passes) in [("sim-pass-young", 119, true), ("sim-pass-old", 121, false)] {
        verify(&world, &[("secret", "wrong"), ("response", seen)]).await;
        world.pass_time(waits);
        let verdict = token(&world, seen).await;
        assert_eq!(verdict["success"], passes, "{seen}");
    }
}

#[tokio::test]
async fn of_many_uses_at_once_one_passes() {
    let world = World::start().await;
    let (a, b, c) = tokio::join!(
        token(&world, "sim-pass-1"),
        token(&world, "sim-pass-1"),
        token(&world, "sim-pass-1")
    );
    assert_eq!([a, b, c].iter().filter(|verdict| verdict["success"] == true).count(), 1);
}

#[tokio::test]
async fn a_failing_token_fails_with_the_code_it_names() {
    let world = World::start().await;
    for code in ["invalid-input-response", "timeout-or-duplicate", "bad-request"] {
        assert_eq!(codes(&token(&world, &format!("sim-fail-{code}")).await), &json!([code]));
    }
}

#[tokio::test]
async fn other_tokens_are_invalid() {
    let world = World::start().await;
    for other in ["03AGdBq2", "sim-pass-", "sim-fail-", "sim-pass"] {
        assert_eq!(
            codes(&token(&world, other).await),
            &json!(["invalid-input-response"]),
            "{other}"
        );
    }
}

#[tokio::test]
async fn missing_and_wrong_inputs_are_named() {
    let world = World::start().await;
    let missing = json!(["missing-input-secret", "missing-input-response"]);
    assert_eq!(codes(&verify(&world, &[]).await), &missing);
    assert_eq!(
        codes(&verify(&world, &[("secret", SECRET)]).await),
        &json!(["missing-input-response"])
    );
    let wrong = [("secret", "wrong"), ("response", "sim-pass-1")];
    assert_eq!(codes(&verify(&world, &wrong).await), &json!(["invalid-input-secret"]));
    assert_eq!(
        token(&world, "sim-pass-1").await["success"],
        true,
        "a wrong secret does not use the token up"
    );
}

#[tokio::test]
async fn what_is_no_form_is_a_bad_request() {
    let world = World::start().await;
    let no_form = world
        .request(Method::POST, "/recaptcha/siteverify")
        .json(&json!({ "secret": SECRET }));
    assert_eq!(codes(&answer(no_form).await.ok()), &json!(["bad-request"]));
}
