use crate::helpers::{CLIENT_ADDRESS, Person, USER_AGENT, World, fields};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

#[tokio::test]
async fn a_user_sees_who_tried_to_sign_in_to_their_account() {
    let world = World::start().await;
    let (user, _) = world.signed_in_buyer().await;
    world.register(&Person::numbered(2)).await;
    world.login(&Person::numbered(2)).await;
    let bad = world
        .try_login_from("2001:db8::7", &Person::buyer().email, "Passw0rd?")
        .await;
    bad.expect_problem(401, "INVALID_CREDENTIALS");

    let owner = world.api.as_user(user);
    let history = owner.get("/users/me/login-history").await.expect(200);
    let expected = |address: &str, success: bool, reason: Value| {
        json!({
            "ipAddress": address, "userAgent": USER_AGENT, "method": "EMAIL", "success": success, "failureReason": reason
        })
    };
    let attempts = history["content"].as_array().unwrap();
    let without_time: Vec<Value> = attempts
        .iter()
        .map(|attempt| {
            let mut attempt = attempt.clone();
            let at = attempt["at"].as_str().unwrap();
            assert!(at.ends_with('Z') && at.parse::<DateTime<Utc>>().is_ok(), "{at}");
            attempt.as_object_mut().unwrap().remove("at");
            attempt
        })
        .collect();
    assert_eq!(
        without_time,
        [
            expected("2001:db8::7", false, json!("INVALID_CREDENTIALS")),
            expected(CLIENT_ADDRESS, true, Value::Null)
        ]
    );
    assert_eq!(
        (&history["totalElements"], &history["totalPages"]),
        (&json!(2), &json!(1))
    );
}

#[tokio::test]
async fn the_history_comes_in_pages_the_latest_first() {
    let world = World::start().await;
    let user = world.register(&Person::buyer()).await;
    for _ in 0..5 {
        world.login(&Person::buyer()).await;
    }
    let owner = world.api.as_user(user);
    let mut times = Vec::new();
    for page in 0..4 {
        let reply = owner
            .get(&format!("/users/me/login-history?page={page}&size=2"))
            .await
            .expect(200);
        assert_eq!(
            (&reply["page"], &reply["size"], &reply["totalElements"]),
            (&json!(page), &json!(2), &json!(5))
        );
        times.extend(
            reply["content"]
                .as_array()
                .unwrap()
                .iter()
                .map(|attempt| attempt["at"].clone()),
        );
    }
    let texts: Vec<&str> = times.iter().map(|at| at.as_str().unwrap()).collect();
    assert!(texts.len() == 5 && texts.is_sorted_by(|a, b| a >= b), "{texts:?}");

    for (query, field) in [
        ("size=0", "size"),
        ("size=101", "size"),
        ("page=-1", "page"),
        ("user=x", "user"),
    ] {
        let problem = owner.get(&format!("/users/me/login-history?{query}")).await;
        let problem = problem.expect_problem(400, "VALIDATION_FAILED");
        assert!(
            fields(&problem).contains(&field) || query == "user=x",
            "{query}: {problem}"
        );
    }
    world
        .api
        .get("/users/me/login-history")
        .await
        .expect_problem(401, "UNAUTHENTICATED");
}
