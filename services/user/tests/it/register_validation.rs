use crate::helpers::{Person, World, fields};
use http::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn each_field_that_breaks_its_rule_is_named() {
    let world = World::start().await;
    let good = world.registration(&Person::buyer()).await;
    let agreement = |version: &str| json!({ "type": "SERVICE", "version": version, "agreed": true });
    let cases = [
        ("email", json!("no address"), "email"),
        ("email", json!(""), "email"),
        ("email", json!("buyer@example.com\r\nBcc: x@example.com"), "email"),
        ("email", json!(format!("{}@example.com", "x".repeat(300))), "email"),
        ("email", json!(7), "email"),
        ("email", Value::Null, "email"),
        ("password", json!(12_345_678), "password"),
        ("name", json!(""), "name"),
        ("name", json!("<script>"), "name"),
        ("name", json!("a\u{0}b"), "name"),
        ("name", json!("김".repeat(51)), "name"),
        ("name", json!(["Kim"]), "name"),
        ("phone", json!("02-123-4567"), "phone"),
        ("phone", json!("+1 212 555 0100"), "phone"),
        ("phone", json!(1_012_345_678), "phone"),
        ("captchaToken", json!({}), "captchaToken"),
        ("identityVerificationId", json!(true), "identityVerificationId"),
        ("agreements", json!("all"), "agreements"),
        ("agreements", json!([agreement("2020-01-01")]), "agreements[0].version"),
        (
            "agreements",
            json!([agreement("2026-01-11"), agreement("2026-01-11")]),
            "agreements[1].type",
        ),
        (
            "agreements",
            json!([{ "type": "SOUL", "version": "2026-01-11", "agreed": true }]),
            "agreements[0].type",
        ),
        (
            "agreements",
            json!([{ "type": "SERVICE", "version": "2026-01-11", "agreed": "yes" }]),
            "agreements[0].agreed",
        ),
    ];
    for (field, value, named) in cases {
        let mut body = good.clone();
        body[field] = value;
        let reply = world.api.post("/auth/register", &body).await;
        let problem = reply.expect_problem(400, "VALIDATION_FAILED");
        assert_eq!(fields(&problem), [named], "{body}");
    }
    assert_eq!(world.count("SELECT count(*) FROM user_service.users").await, 0);

    // None of this has cost the captcha or the verification.
    let _account = world.api.post("/auth/register", &good).await.expect(201);
}

#[tokio::test]
async fn each_missing_field_is_refused() {
    let world = World::start().await;
    let good = world.registration(&Person::buyer()).await;
    for field in good.as_object().unwrap().keys() {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(field);
        let reply = world.api.post("/auth/register", &body).await;
        let problem = reply.expect_problem(400, "VALIDATION_FAILED");
        assert!(problem["errors"].to_string().contains(field.as_str()), "{problem}");
    }
}

#[tokio::test]
async fn an_unknown_field_is_refused_so_that_nobody_makes_themselves_administrator() {
    let world = World::start().await;
    for (field, value) in [
        ("role", json!("ADMIN")),
        ("status", json!("ACTIVE")),
        ("id", json!(uuid::Uuid::nil())),
        ("Email", json!("other@example.com")),
    ] {
        let mut body = world.registration(&Person::buyer()).await;
        body[field] = value;
        let reply = world.api.post("/auth/register", &body).await;
        let problem = reply.expect_problem(400, "VALIDATION_FAILED");
        assert_eq!(fields(&problem), [field]);
    }
    let mut body = world.registration(&Person::buyer()).await;
    body["agreements"][0]["version2"] = json!("x");
    let reply = world.api.post("/auth/register", &body).await;
    let problem = reply.expect_problem(400, "VALIDATION_FAILED");
    assert_eq!(fields(&problem), ["agreements[0].version2"]);
}

#[tokio::test]
async fn a_weak_password_is_refused_with_the_rule_it_breaks() {
    let world = World::start().await;
    let mut body = world.registration(&Person::buyer()).await;
    let too_long = format!("Aa1!{}", "x".repeat(69));
    for weak in [
        "",
        "Pa1!",
        "Password!",
        "Passw0rd",
        "12345678!",
        "가나다라마바!!",
        "Pass\u{0}w0rd!",
        &too_long,
    ] {
        body["password"] = json!(weak);
        let reply = world.api.post("/auth/register", &body).await;
        let problem = reply.expect_problem(400, "WEAK_PASSWORD");
        assert_eq!(fields(&problem), ["password"]);
        assert!(
            weak.is_empty() || !problem.to_string().contains(weak),
            "the reply repeats the password"
        );
    }
    body["password"] = json!(&too_long[..72]);
    let _account = world.api.post("/auth/register", &body).await.expect(201);
}

#[tokio::test]
async fn what_is_no_json_object_is_refused() {
    let world = World::start().await;
    let send = async |body: &[u8]| {
        let body = Some(("application/json", body.to_vec()));
        world.api.send(Method::POST, "/auth/register", body).await
    };
    let duplicate = br#"{"email": "a@example.com", "email": "b@example.com"}"#;
    for body in [&b""[..], b"{", b"{\"email\": \"\xff\"}", b"{} {}"] {
        let problem = send(body).await;
        assert_eq!(problem.status, 400, "{problem:?}");
    }
    send(b"").await.expect_problem(400, "MALFORMED_REQUEST");
    send(b"{\"email\":").await.expect_problem(400, "MALFORMED_REQUEST");
    for body in [&b"[]"[..], b"7", b"null", b"\"text\"", &duplicate[..]] {
        send(body).await.expect_problem(400, "VALIDATION_FAILED");
    }
    let deep = [vec![b'['; 30_000], vec![b']'; 30_000]].concat();
    assert_eq!(send(&deep).await.status, 400);
}

#[tokio::test]
async fn a_body_of_more_than_64_kib_is_too_large() {
    let world = World::start().await;
    let mut body = world.registration(&Person::buyer()).await;
    body["name"] = json!("x".repeat(64 * 1024));
    let reply = world.api.post("/auth/register", &body).await;
    reply.expect_problem(413, "PAYLOAD_TOO_LARGE");
}

#[tokio::test]
async fn a_body_of_another_type_is_unsupported() {
    let world = World::start().await;
    let body = world.registration(&Person::buyer()).await.to_string().into_bytes();
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "json",
    ] {
        let body = Some((content_type, body.clone()));
        let reply = world.api.send(Method::POST, "/auth/register", body).await;
        reply.expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let reply = world.api.send(Method::POST, "/auth/register", None).await;
    reply.expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
    let body = Some(("Application/JSON; charset=utf-8", body));
    let _account = world.api.send(Method::POST, "/auth/register", body).await.expect(201);
}
