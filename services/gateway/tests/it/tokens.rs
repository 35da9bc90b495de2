use crate::helpers::{MustBe, World};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use common::{Clock, crypto, identity::Role};
use serde_json::{Value, json};
use uuid::Uuid;

const LOCAL_SECRET: &str = "local-only-jwt-secret-0123456789abcdef";

fn hand_made(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let head = format!("{}.{}", part(header), part(claims));
    let mac = crypto::hmac_sha256_raw(LOCAL_SECRET.as_bytes(), head.as_bytes());
    format!("{head}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac))
}

fn claims() -> Value {
    json!({"sub": Uuid::now_v7(), "role": "USER", "sid": Uuid::now_v7(), "iss": "ticket-queue", "aud": "ticket-queue-api",
           "typ": "access", "iat": 0, "exp": 4_102_444_800_i64, "jti": Uuid::now_v7()})
}

#[tokio::test]
async fn tokens_that_are_not_ours_are_refused() {
    let world = World::new().await;
    let hs256 = json!({"alg": "HS256", "typ": "JWT"});
    world
        .anybody()
        .with_token(&hand_made(&hs256, &claims()))
        .get("/users/me")
        .await
        .must_be(200);

    let changed = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        hand_made(&hs256, &claims)
    };
    let without = |name: &str| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        hand_made(&hs256, &claims)
    };
    let good = hand_made(&hs256, &claims());
    let unsigned = format!("{}.", &good[..good.rfind('.').unwrap()]);
    let bad = [
        ("alg none", hand_made(&json!({"alg": "none"}), &claims())),
        ("alg None", hand_made(&json!({"alg": "None"}), &claims())),
        ("alg RS256", hand_made(&json!({"alg": "RS256"}), &claims())),
        ("alg HS512", hand_made(&json!({"alg": "HS512"}), &claims())),
        ("no signature", unsigned),
        ("a refresh token", changed("typ", json!("refresh"))),
        ("a string as exp", changed("exp", json!("4102444800"))),
        ("no exp", without("exp")),
        ("no typ", without("typ")),
        ("no sub", without("sub")),
        ("another audience", changed("aud", json!("someone"))),
        ("another issuer", changed("iss", json!("someone"))),
        ("an unknown role", changed("role", json!("ROOT"))),
        ("nonsense", "a.b.c".to_owned()),
        ("too long", "x".repeat(5000)),
    ];
    for (what, token) in bad {
        let reply = world.anybody().with_token(&token).get("/users/me").await;
        assert!(
            reply.header("www-authenticate").unwrap().starts_with("Bearer"),
            "{what}"
        );
        reply.expect_problem(401, "UNAUTHENTICATED");
    }
    assert_eq!(world.upstream.requests().len(), 1);
}

#[tokio::test]
async fn the_authorization_header_must_be_one_bearer_token() {
    let world = World::new().await;
    let token = world.somebody().token;
    for (headers, status) in [
        (format!("Authorization: bearer {token}\r\n"), 200),
        (format!("Authorization: {token}\r\n"), 401),
        (format!("Authorization: Basic {token}\r\n"), 401),
        ("Authorization: Bearer \r\n".to_owned(), 401),
        (
            format!("Authorization: Bearer {token}\r\nAuthorization: Bearer {token}\r\n"),
            401,
        ),
        (String::new(), 401),
    ] {
        let reply = world.raw_get("/users/me", &headers).await;
        assert_eq!(crate::helpers::status_of(&reply), status, "{headers}: {reply}");
    }
}

#[tokio::test]
async fn an_expired_token_says_so() {
    let world = World::new().await;
    let buyer = world.somebody();
    buyer.api.get("/users/me").await.must_be(200);
    world.clock.advance(TimeDelta::seconds(3600));
    buyer.api.get("/users/me").await.expect_problem(401, "TOKEN_EXPIRED");
}

#[tokio::test]
async fn the_former_secret_is_good_during_rotation() {
    let new = "new-secret-0123456789abcdef0123456789";
    let world = World::with(&[("JWT_SECRET", new), ("JWT_SECRET_PREVIOUS", LOCAL_SECRET)]).await;
    let old = hand_made(&json!({"alg": "HS256"}), &claims());
    world.anybody().with_token(&old).get("/users/me").await.must_be(200);
    let (fresh, _) = world
        .issuer(&Clock::system())
        .issue(Uuid::now_v7(), Role::User, Uuid::now_v7())
        .unwrap();
    world.anybody().with_token(&fresh).get("/users/me").await.must_be(200);
}

#[tokio::test]
async fn a_blacklisted_token_or_session_is_revoked() {
    let world = World::new().await;
    let (by_token, by_session, other) = (world.somebody(), world.somebody(), world.somebody());
    world
        .redis
        .set(
            &format!("token:blacklist:{}", crypto::sha256_hex(by_token.token.as_bytes())),
            "1",
        )
        .await;
    world
        .redis
        .set(&format!("token:blacklist:sid:{}", by_session.sid), "1")
        .await;
    by_token.api.get("/users/me").await.expect_problem(401, "TOKEN_REVOKED");
    by_session
        .api
        .get("/users/me")
        .await
        .expect_problem(401, "TOKEN_REVOKED");
    other.api.get("/users/me").await.must_be(200);
    assert_eq!(world.upstream.requests().len(), 1);
}
