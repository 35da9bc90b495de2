use reqwest::Method;
use serde_json::{Value, json};

use crate::helpers::{Answer, World, answer};

async fn verification(world: &World, body: &Value) -> Value {
    let created = world.control(Method::POST, "/identity-verifications", body).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let id = created.body["identityVerificationId"].as_str().unwrap();
    assert!(
        id.len() <= 40 && id.chars().all(|char| char.is_ascii_alphanumeric()),
        "{id}"
    );
    read(world, id).await.ok()
}

async fn read(world: &World, id: &str) -> Answer {
    answer(world.portone(Method::GET, &format!("/identity-verifications/{id}"))).await
}

#[tokio::test]
async fn a_person_is_verified_at_once() {
    let world = World::start().await;
    let verified = verification(&world, &json!({ "name": "김하나", "phone": "010-1234-5678" })).await;
    assert_eq!(verified["status"], "VERIFIED");
    for field in [
        "requestedAt",
        "updatedAt",
        "statusChangedAt",
        "verifiedAt",
        "pgTxId",
        "pgRawResponse",
        "version",
    ] {
        assert!(verified[field].is_string(), "{field}");
    }
    let customer = &verified["verifiedCustomer"];
    assert_eq!(customer["name"], "김하나");
    assert_eq!(customer["phoneNumber"], "01012345678");
    assert_eq!(customer["birthDate"], "1990-01-01");
    assert_eq!(customer["ci"].as_str().unwrap().len(), 88);
    assert_eq!(customer["di"].as_str().unwrap().len(), 64);
}

#[tokio::test]
async fn a_new_person_has_a_new_ci_and_the_same_person_is_said_by_it() {
    let world = World::start().await;
    let person = json!({ "name": "Kim", "phone": "01012345678" });
    let ci = async |body: &Value| verification(&world, body).await["verifiedCustomer"]["ci"].clone();
    assert_ne!(ci(&person).await, ci(&person).await);
    let known = json!({ "name": "Kim", "phone": "01012345678", "ci": "the-one", "birthDate": "2012-02-29" });
    assert_eq!(
        (ci(&known).await, ci(&known).await),
        (json!("the-one"), json!("the-one"))
    );
}

#[tokio::test]
async fn agencies_that_hand_out_no_ci_or_di_are_played_with_null() {
    let world = World::start().await;
    let body = json!({ "name": "Kim", "phone": "01012345678", "ci": null, "di": null });
    let verified = verification(&world, &body).await;
    let customer = verified["verifiedCustomer"].as_object().unwrap();
    assert!(!customer.contains_key("ci") && !customer.contains_key("di"));
}

#[tokio::test]
async fn what_is_not_verified_only_shows_what_was_claimed() {
    let world = World::start().await;
    for status in ["READY", "FAILED"] {
        let body = json!({ "name": "Kim", "phone": "01012345678", "birthDate": "1988-07-06", "status": status });
        let unverified = verification(&world, &body).await;
        assert_eq!(unverified["status"], status);
        assert!(unverified.get("verifiedCustomer").is_none());
        let customer = &unverified["requestedCustomer"];
        assert_eq!(
            [&customer["birthYear"], &customer["birthMonth"], &customer["birthDay"]],
            ["1988", "07", "06"]
        );
        assert_eq!(unverified.get("failure").is_some(), status == "FAILED");
    }
}

#[tokio::test]
async fn an_unknown_verification_is_not_found() {
    let world = World::start().await;
    assert_eq!(
        read(&world, "unknown").await.error(),
        (404, "IDENTITY_VERIFICATION_NOT_FOUND")
    );
}

#[tokio::test]
async fn a_person_without_name_or_with_an_impossible_birthday_is_refused() {
    let world = World::start().await;
    for body in [
        json!({ "phone": "01012345678" }),
        json!({ "name": "Kim", "phone": "01012345678", "birthDate": "2001-02-29" }),
        json!({ "name": "Kim", "phone": "01012345678", "age": 20 }),
    ] {
        let refused = world.control(Method::POST, "/identity-verifications", &body).await;
        assert_eq!(refused.status, 400, "{body}");
    }
}
