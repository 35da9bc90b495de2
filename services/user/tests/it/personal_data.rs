use crate::{
    helpers::{Person, Tokens, World},
    logs,
};
use common::crypto::sha256_hex;
use serde_json::json;
use sqlx::AssertSqlSafe;

/// Nothing like it occurs by chance.
fn canary() -> Person {
    Person {
        email: "zz.canary.mail@example.com".into(),
        password: "Zz-canary-passw0rd".into(),
        name: "Zzcanary Namezz".into(),
        phone: "010-9753-8642".into(),
        ci: "zz-canary-connecting-information".into(),
    }
}

/// What must not stand anywhere in the clear.
fn secrets(person: &Person) -> Vec<String> {
    let phone: String = person.phone.chars().filter(char::is_ascii_digit).collect();
    [
        &person.email,
        &person.password,
        &person.name,
        &person.phone,
        &phone,
        &person.ci,
    ]
    .map(|text| text.to_lowercase())
    .to_vec()
}

/// Fails if `text` has one of `secrets` in it, plainly or as the hexadecimal in which columns of bytes are shown.
#[track_caller]
fn assert_clean(place: &str, text: &str, secrets: &[String]) {
    let text = text.to_lowercase();
    for secret in secrets {
        let hexadecimal: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!text.contains(secret), "{secret} stands in {place}: {text}");
        assert!(!text.contains(&hexadecimal), "{secret} stands in {place}: {text}");
    }
}

/// Every row of every table outside the catalogue, as text.
async fn database_dump(world: &World) -> Vec<(String, String)> {
    let tables: Vec<String> = sqlx::query_scalar(
        r"
        SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
        ",
    )
    .fetch_all(&world.db)
    .await
    .unwrap();
    assert!(tables.iter().any(|table| table == "user_service.users"));
    let mut dump = Vec::new();
    for table in tables {
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("SELECT t::text FROM {table} t")))
            .fetch_all(&world.db)
            .await
            .unwrap();
        dump.push((table, rows.join("\n")));
    }
    dump
}

/// Every key and value of the test's Redis database; all of ours are strings.
async fn redis_dump(world: &World) -> Vec<(String, String)> {
    let mut redis = world.redis().await;
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut redis).await.unwrap();
    let mut dump = Vec::new();
    for key in keys {
        let value: String = redis::cmd("GET").arg(&key).query_async(&mut redis).await.unwrap();
        dump.push((key, value));
    }
    dump
}

/// Somebody's whole stay: registration, failed and good logins, refresh, a reused token, logout.
async fn whole_stay(world: &World, person: &Person) -> Vec<String> {
    let user = world.register(person).await;
    // Refused by the database, whose error shows the row, and before.
    let namesake = Person {
        ci: format!("{} of another", person.ci),
        ..person.clone()
    };
    for (again, code) in [(&namesake, "EMAIL_TAKEN"), (person, "IDENTITY_TAKEN")] {
        let taken = world.registration(again).await;
        world.api.post("/auth/register", &taken).await.expect_problem(409, code);
    }
    world
        .try_login(&person.email, &format!("{}?", person.password))
        .await
        .expect_problem(401, "INVALID_CREDENTIALS");
    let first = world.login(person).await;
    let second = Tokens::of(&world.refresh(&first.refresh).await.expect(200));
    let third = Tokens::of(&world.refresh(&second.refresh).await.expect(200));
    let me = world.as_owner(user, &third).get("/users/me").await.expect(200);
    assert_eq!(me["email"], person.email, "what is looked for is there");
    world
        .refresh(&first.refresh)
        .await
        .expect_problem(401, "REFRESH_TOKEN_REUSED");
    let last = world.login(person).await;
    let _nothing = world
        .as_owner(user, &last)
        .post("/auth/logout", &json!({}))
        .await
        .expect(204);
    [first, second, third, last]
        .into_iter()
        .flat_map(|tokens| [tokens.access, tokens.refresh])
        .collect()
}

#[tokio::test]
async fn the_database_and_redis_hold_no_personal_data_password_or_token_in_the_clear() {
    let world = World::start().await;
    let person = canary();
    let mut secrets = secrets(&person);
    let tokens = whole_stay(&world, &person).await;
    // Whoever reads a copy of the database must not find rows by hashing what they look for, either.
    secrets.extend([&person.email, &person.ci].map(|text| sha256_hex(text.as_bytes())));
    secrets.extend(tokens.into_iter().map(|token| token.to_lowercase()));

    for (table, rows) in database_dump(&world).await {
        assert_clean(&table, &rows, &secrets);
    }
    let redis = redis_dump(&world).await;
    assert!(!redis.is_empty());
    for (key, value) in redis {
        assert_clean("Redis", &format!("{key} {value}"), &secrets);
    }
}

#[tokio::test]
async fn equal_personal_data_looks_different_in_each_row() {
    let world = World::start().await;
    world.register(&Person::buyer()).await;
    world.register(&Person::numbered(2)).await;
    let distinct = "SELECT count(DISTINCT name_encrypted) + count(DISTINCT phone_encrypted) FROM user_service.users";
    assert_eq!(world.count(distinct).await, 4, "the names and phones of both are equal");
}

#[tokio::test]
async fn logs_hold_no_personal_data_password_or_token() {
    logs::catch();
    let world = World::start().await;
    let person = canary();
    let mut secrets = secrets(&person);
    secrets.extend(
        whole_stay(&world, &person)
            .await
            .into_iter()
            .map(|token| token.to_lowercase()),
    );
    let injected =
        json!({ "email": "zz.canary.mail@example.com\r\nlevel=FATAL forged", "password": "x", "captchaToken": "x" });
    assert_eq!(world.api.post("/auth/login", &injected).await.status, 400);

    let text = logs::caught();
    assert!(text.contains("request handled"), "the log was caught");
    assert_clean("the log", &text, &secrets);
    assert!(!text.contains("forged"));
}
