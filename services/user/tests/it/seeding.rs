//! Accounts that load tests make: nothing of registration but its end.

use crate::helpers::{Person, Tokens, World};
use common::config::Env;
use test_support::Login;
use user_service::{SeedAccount, seed_accounts};
use uuid::Uuid;

const PASSWORD: &str = "Load-test-1!";

fn people(numbers: impl IntoIterator<Item = usize>) -> Vec<SeedAccount> {
    numbers
        .into_iter()
        .map(|number| SeedAccount {
            email: format!("crowd-{number}@load.example.com"),
            name: "김부하".to_owned(),
            phone: format!("010{number:08}"),
        })
        .collect()
}

impl World {
    async fn seed(&self, password: &str, people: &[SeedAccount]) -> anyhow::Result<Vec<Uuid>> {
        let env = self.env.env(Some(Login::User));
        seed_accounts(&env, password.to_owned(), people).await
    }

    async fn accounts(&self) -> i64 {
        self.count("SELECT count(*) FROM user_service.users").await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seeded_account_is_one_that_its_owner_can_use() {
    let world = World::start().await;
    let people = people([7, 8]);
    let ids = world.seed(PASSWORD, &people).await.unwrap();
    for (id, person) in ids.iter().zip(&people) {
        let tokens = Tokens::of(&world.try_login(&person.email, PASSWORD).await.expect(200));
        assert_eq!(tokens.claims()["sub"], id.to_string());
        assert_eq!(tokens.claims()["role"], "USER");
        let me = world.as_owner(*id, &tokens).get("/users/me").await.expect(200);
        assert_eq!(me["email"], person.email);
        assert_eq!(me["name"], person.name);
        assert_eq!(me["phone"], person.phone);
        let wrong = world.try_login(&person.email, "Load-test-2!").await;
        wrong.expect_problem(401, "INVALID_CREDENTIALS");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_call_again_gives_the_same_accounts_and_changes_none() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let registered = world.register(&buyer).await;
    let first = world.seed(PASSWORD, &people(0..3)).await.unwrap();
    assert_eq!(world.accounts().await, 4);
    assert_eq!(world.seed(PASSWORD, &people(0..3)).await.unwrap(), first);

    // Others among them, one written in another case, and one who registered: each stands where it was asked for.
    let mut mixed = people([2, 9, 0]);
    mixed[2].email = "Crowd-0@Load.example.com".to_owned();
    mixed.extend(people([10]));
    mixed[3].email.clone_from(&buyer.email);
    let ids = world.seed("Another-1!", &mixed).await.unwrap();
    assert_eq!((ids[0], ids[2], ids[3]), (first[2], first[0], registered));
    assert!(!first.contains(&ids[1]));
    assert_eq!(world.accounts().await, 5);

    // Who was there keeps the password.
    for (email, password) in [
        ("crowd-2@load.example.com", PASSWORD),
        ("crowd-9@load.example.com", "Another-1!"),
        (&buyer.email, &buyer.password),
    ] {
        let _tokens = world.try_login(email, password).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_seed_at_once_get_the_same_accounts_in_the_order_they_asked_for() {
    let world = World::start().await;
    // More than one statement takes.
    let people = people(0..2_100);
    let (one, other) = tokio::join!(world.seed(PASSWORD, &people), world.seed(PASSWORD, &people));
    let ids = one.unwrap();
    assert_eq!(ids, other.unwrap());
    assert_eq!(world.accounts().await, 2_100);
    for number in [0, 1_999, 2_000, 2_099] {
        let tokens = Tokens::of(&world.try_login(&people[number].email, PASSWORD).await.expect(200));
        assert_eq!(tokens.claims()["sub"], ids[number].to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_registration_would_refuse_is_refused() {
    let world = World::start().await;
    assert!(world.seed("weak", &people([1])).await.is_err());
    for spoil in [
        |person: &mut SeedAccount| person.email = "nobody".to_owned(),
        |person: &mut SeedAccount| person.name = String::new(),
        |person: &mut SeedAccount| person.phone = "02-1".to_owned(),
    ] {
        let mut people = people([1, 2]);
        spoil(&mut people[1]);
        assert!(world.seed(PASSWORD, &people).await.is_err());
    }
    assert_eq!(world.accounts().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_production_nobody_is_seeded() {
    let world = World::start().await;
    let mut settings = world.env.pairs(Some(Login::User));
    settings.insert("APP_ENV".to_owned(), "prod".to_owned());
    let env = Env::from_pairs(settings).unwrap();
    let refusal = seed_accounts(&env, PASSWORD.to_owned(), &people([1]))
        .await
        .unwrap_err();
    assert_eq!(refusal.to_string(), "accounts are never seeded in production");
    assert_eq!(world.accounts().await, 0);
}
