use crate::helpers::{Person, World};
use std::collections::BTreeMap;
use tokio::task::JoinSet;

/// Registers everybody at once and counts the replies by status and code.
async fn all_at_once(world: &World, people: impl Iterator<Item = Person>) -> BTreeMap<(u16, String), usize> {
    let mut bodies = Vec::new();
    for person in people {
        bodies.push(world.registration(&person).await);
    }
    let mut racers = JoinSet::new();
    for body in bodies {
        let api = world.api.clone();
        racers.spawn(async move { api.post("/auth/register", &body).await });
    }
    let mut outcomes = BTreeMap::new();
    for reply in racers.join_all().await {
        let code = reply.body["code"].as_str().unwrap_or_default().to_owned();
        *outcomes.entry((reply.status.as_u16(), code)).or_default() += 1;
    }
    outcomes
}

#[tokio::test]
async fn of_many_people_who_want_one_email_at_once_one_gets_it() {
    let world = World::start().await;
    let people = (0..12).map(|number| Person {
        email: "wanted@example.com".into(),
        ..Person::numbered(number)
    });
    let outcomes = all_at_once(&world, people).await;
    let expected = BTreeMap::from([((201, String::new()), 1), ((409, "EMAIL_TAKEN".to_owned()), 11)]);
    assert_eq!(outcomes, expected);
    assert_eq!(world.count("SELECT count(*) FROM user_service.users").await, 1);
}

#[tokio::test]
async fn one_person_who_registers_under_many_emails_at_once_gets_one_account() {
    let world = World::start().await;
    let people = (0..12).map(|number| Person {
        ci: "ci-of-one-person".into(),
        ..Person::numbered(number)
    });
    let outcomes = all_at_once(&world, people).await;
    let expected = BTreeMap::from([((201, String::new()), 1), ((409, "IDENTITY_TAKEN".to_owned()), 11)]);
    assert_eq!(outcomes, expected);
    assert_eq!(world.count("SELECT count(*) FROM user_service.users").await, 1);
    assert_eq!(
        world
            .count("SELECT count(*) FROM user_service.used_identity_verifications")
            .await,
        1
    );
}
