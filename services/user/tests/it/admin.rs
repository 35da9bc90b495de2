use crate::helpers::{Person, Tokens, World};
use serde_json::Value;
use test_support::Login;
use user_service::{AdminAccount, AdminOutcome, Config, create_admin};

fn config(world: &World) -> Config {
    Config::from_env(&world.env.env(Some(Login::User))).unwrap()
}

fn account(email: &str, password: &str) -> AdminAccount {
    AdminAccount {
        email: email.into(),
        password: password.into(),
        name: "Operator".into(),
    }
}

#[tokio::test]
async fn an_operator_makes_an_administrator_who_can_sign_in() {
    let world = World::start().await;
    let outcome = create_admin(&config(&world), account("Admin@example.com", "Adm1n-pass")).await;
    let AdminOutcome::Created(id) = outcome.unwrap() else {
        panic!("there was none before")
    };
    let reply = world.try_login("admin@example.com", "Adm1n-pass").await.expect(200);
    assert_eq!(Tokens::of(&reply).claims()["role"], "ADMIN");
    let me = world.api.as_admin(id).get("/users/me").await.expect(200);
    assert_eq!(
        (&me["role"], &me["name"]),
        (&Value::from("ADMIN"), &Value::from("Operator"))
    );
    assert_eq!(me["phone"], Value::Null);
    let audited =
        "SELECT count(*) FROM user_service.admin_audit_log WHERE action = 'ADMIN_CREATED' AND actor_id IS NULL";
    assert_eq!(world.count(audited).await, 1);
}

#[tokio::test]
async fn making_an_administrator_again_changes_nothing() {
    let world = World::start().await;
    let config = config(&world);
    create_admin(&config, account("admin@example.com", "Adm1n-pass"))
        .await
        .unwrap();
    let again = create_admin(&config, account("ADMIN@example.com", "An0ther-pass")).await;
    assert_eq!(again.unwrap(), AdminOutcome::Exists);
    let _pair = world.try_login("admin@example.com", "Adm1n-pass").await.expect(200);
    let other = world.try_login("admin@example.com", "An0ther-pass").await;
    other.expect_problem(401, "INVALID_CREDENTIALS");
    assert_eq!(
        world.count("SELECT count(*) FROM user_service.admin_audit_log").await,
        1
    );
}

#[tokio::test]
async fn a_buyers_account_does_not_become_an_administrators() {
    let world = World::start().await;
    let buyer = Person::buyer();
    world.register(&buyer).await;
    let outcome = create_admin(&config(&world), account(&buyer.email, "Adm1n-pass")).await;
    assert_eq!(outcome.unwrap(), AdminOutcome::Exists);
    assert_eq!(world.login(&buyer).await.claims()["role"], "USER");
}

#[tokio::test]
async fn several_administrators_need_no_identity() {
    let world = World::start().await;
    let config = config(&world);
    for email in ["one@example.com", "two@example.com"] {
        let outcome = create_admin(&config, account(email, "Adm1n-pass")).await.unwrap();
        assert!(matches!(outcome, AdminOutcome::Created(_)));
    }
}

#[tokio::test]
async fn an_administrators_password_obeys_the_same_rules() {
    let world = World::start().await;
    let config = config(&world);
    assert!(
        create_admin(&config, account("admin@example.com", "weak"))
            .await
            .is_err()
    );
    assert!(
        create_admin(&config, account("no address", "Adm1n-pass"))
            .await
            .is_err()
    );
    assert_eq!(world.count("SELECT count(*) FROM user_service.users").await, 0);
}
