use crate::helpers::{Person, World, fields};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

#[tokio::test]
async fn a_person_with_captcha_identity_and_agreements_gets_an_account() {
    let world = World::start().await;
    let buyer = Person::buyer();
    let body = world.registration(&buyer).await;
    let reply = world.api.post("/auth/register", &body).await.expect(201);

    let id: Uuid = reply["userId"].as_str().unwrap().parse().unwrap();
    assert_eq!(id.get_version_num(), 7);
    assert_eq!(reply["email"], "buyer@example.com");
    assert_eq!(reply["name"], "김철수");
    let created: DateTime<Utc> = reply["createdAt"].as_str().unwrap().parse().unwrap();
    assert!(created > id_time(id) - TimeDelta::minutes(1));
    assert_eq!(
        reply.as_object().unwrap().len(),
        4,
        "nothing else about the account: {reply}"
    );

    let (role, status): (String, String) = sqlx::query_as("SELECT role, status FROM user_service.users WHERE id = $1")
        .bind(id)
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!((role.as_str(), status.as_str()), ("USER", "ACTIVE"));
    let answers: Vec<(String, String, bool)> = sqlx::query_as(
        "SELECT terms_type, terms_version, agreed FROM user_service.terms_agreements WHERE user_id = $1 ORDER BY id",
    )
    .bind(id)
    .fetch_all(&world.db)
    .await
    .unwrap();
    let version = "2026-01-11".to_owned();
    assert_eq!(
        answers,
        [
            ("SERVICE".to_owned(), version.clone(), true),
            ("PRIVACY".to_owned(), version.clone(), true),
            ("MARKETING".to_owned(), version, false),
        ]
    );
    world.login(&buyer).await;
}

#[tokio::test]
async fn an_email_has_one_account_in_whatever_case_it_is_written() {
    let world = World::start().await;
    world.register(&Person::buyer()).await;
    for email in ["buyer@example.com", "Buyer@Example.COM", " buyer@example.com "] {
        let second = Person {
            email: email.into(),
            ..Person::numbered(2)
        };
        let body = world.registration(&second).await;
        let reply = world.api.post("/auth/register", &body).await;
        reply.expect_problem(409, "EMAIL_TAKEN");
    }
    assert_eq!(world.count("SELECT count(*) FROM user_service.users").await, 1);
}

#[tokio::test]
async fn a_person_has_one_account_under_whatever_email() {
    let world = World::start().await;
    world.register(&Person::buyer()).await;
    let again = Person {
        email: "second@example.com".into(),
        ..Person::buyer()
    };
    let body = world.registration(&again).await;
    let reply = world.api.post("/auth/register", &body).await;
    reply.expect_problem(409, "IDENTITY_TAKEN");
    assert_eq!(world.count("SELECT count(*) FROM user_service.users").await, 1);
}

#[tokio::test]
async fn a_refused_registration_leaves_nothing_behind_and_can_be_mended() {
    let world = World::start().await;
    world.register(&Person::buyer()).await;
    let newcomer = Person {
        email: "buyer@example.com".into(),
        ..Person::numbered(2)
    };
    let mut body = world.registration(&newcomer).await;
    let reply = world.api.post("/auth/register", &body).await;
    reply.expect_problem(409, "EMAIL_TAKEN");
    for table in [
        "SELECT count(*) FROM user_service.users",
        "SELECT count(*) FROM user_service.used_identity_verifications",
    ] {
        assert_eq!(world.count(table).await, 1, "{table}");
    }

    // The verification was not used up by the refusal; the captcha was.
    body["email"] = json!("person2@example.com");
    body["captchaToken"] = json!(world.captcha());
    let _account = world.api.post("/auth/register", &body).await.expect(201);
}

#[tokio::test]
async fn the_required_terms_must_be_agreed_to() {
    let world = World::start().await;
    let answer = |terms: &str, agreed: bool| json!({ "type": terms, "version": "2026-01-11", "agreed": agreed });
    let refused: [Vec<Value>; 5] = [
        vec![],
        vec![answer("SERVICE", true)],
        vec![answer("PRIVACY", true), answer("MARKETING", true)],
        vec![answer("SERVICE", true), answer("PRIVACY", false)],
        vec![answer("SERVICE", false), answer("PRIVACY", true)],
    ];
    let mut body = world.registration(&Person::buyer()).await;
    for agreements in refused {
        body["agreements"] = json!(agreements);
        let problem = world
            .api
            .post("/auth/register", &body)
            .await
            .expect_problem(400, "TERMS_NOT_AGREED");
        assert_eq!(fields(&problem), ["agreements"]);
    }
    body["agreements"] = json!([answer("SERVICE", true), answer("PRIVACY", true)]);
    let _account = world.api.post("/auth/register", &body).await.expect(201);
}

fn id_time(id: Uuid) -> DateTime<Utc> {
    let (seconds, nanos) = id.get_timestamp().unwrap().to_unix();
    DateTime::from_timestamp(seconds.cast_signed(), nanos).unwrap()
}
