use crate::helpers::{Person, World, fields};
use serde_json::{Value, json};

#[tokio::test]
async fn a_user_changes_name_and_phone_by_the_rules_of_a_registration() {
    let world = World::start().await;
    let user = world.register(&Person::buyer()).await;
    let other = world.register(&Person::numbered(2)).await;
    let owner = world.api.as_user(user);

    let decomposed = "\u{1111}\u{1161}\u{11a8} \u{110b}\u{1167}\u{11bc}";
    let me = owner.put("/users/me", &json!({ "name": decomposed })).await.expect(200);
    assert_eq!((&me["name"], &me["phone"]), (&json!("팍 영"), &json!("01012345678")));
    let changes = json!({ "name": null, "phone": "+82 10-8765-4321" });
    let me = owner.put("/users/me", &changes).await.expect(200);
    assert_eq!((&me["name"], &me["phone"]), (&json!("팍 영"), &json!("01087654321")));
    assert_eq!(owner.get("/users/me").await.expect(200), me);
    assert_eq!((&me["id"], &me["status"]), (&json!(user), &json!("ACTIVE")));
    assert_eq!(me["socialAccounts"], json!([]));

    let others = world.api.as_user(other).get("/users/me").await.expect(200);
    assert_eq!(others["name"], Person::numbered(2).name);
    let touched = "SELECT count(*) FROM user_service.users WHERE updated_at > created_at";
    assert_eq!(world.count(touched).await, 1);
}

#[tokio::test]
async fn what_breaks_a_rule_changes_nothing() {
    let world = World::start().await;
    let user = world.register(&Person::buyer()).await;
    let owner = world.api.as_user(user);
    for (body, field) in [
        (json!({}), "name"),
        (json!({ "name": null, "phone": null }), "name"),
        (json!({ "name": "" }), "name"),
        (json!({ "name": "<script>" }), "name"),
        (json!({ "name": 7 }), "name"),
        (json!({ "phone": "02-123-4567" }), "phone"),
        (json!({ "name": "김영희", "phone": "０１０-1234-5678" }), "phone"),
        (json!({ "name": "김영희", "role": "ADMIN" }), "role"),
        (json!({ "name": "김영희", "email": "other@example.com" }), "email"),
        (json!({ "name": "김영희", "status": "ACTIVE" }), "status"),
    ] {
        let problem = owner
            .put("/users/me", &body)
            .await
            .expect_problem(400, "VALIDATION_FAILED");
        assert_eq!(fields(&problem), [field], "{body}");
    }
    let me = owner.get("/users/me").await.expect(200);
    assert_eq!((&me["name"], &me["role"]), (&json!("김철수"), &json!("USER")));
    let nobody = world.api.put("/users/me", &json!({ "name": "김영희" })).await;
    nobody.expect_problem(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn changes_of_different_fields_at_once_are_all_made() {
    let world = World::start().await;
    let user = world.register(&Person::buyer()).await;
    let owner = world.api.as_user(user);
    for round in 0..10 {
        let (name, phone) = (format!("김{}", "가".repeat(round + 1)), format!("0101234567{round}"));
        let (renamed, moved) = (json!({ "name": name }), json!({ "phone": phone }));
        let (one, two) = tokio::join!(owner.put("/users/me", &renamed), owner.put("/users/me", &moved));
        let _replies = (one.expect(200), two.expect(200));
        let me = owner.get("/users/me").await.expect(200);
        assert_eq!((&me["name"], &me["phone"]), (&Value::from(name), &Value::from(phone)));
    }
}

#[tokio::test]
async fn an_account_that_is_not_active_is_not_changed() {
    let world = World::start().await;
    let user = world.register(&Person::buyer()).await;
    let owner = world.api.as_user(user);
    for status in ["LOCKED", "DORMANT"] {
        world.set_status(user, status).await;
        let reply = owner.put("/users/me", &json!({ "name": "김영희" })).await;
        reply.expect_problem(404, "NOT_FOUND");
    }
}
