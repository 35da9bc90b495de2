//! Access tokens (`design.md` §3.1, §11): one algorithm, one secret (two while it is changed), every claim checked.

use super::{Check, Stage, get, run};
use crate::forged::{FAR, changed, claims, hand_made, hs256, signed, signed_by, without};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use common::crypto;
use serde_json::{Value, json};

#[tokio::test]
async fn only_live_access_tokens_of_ours_are_believed() {
    let stage = Stage::with(&[]).await;
    let (token, sid) = revoked();
    let digest = crypto::sha256_hex(token.as_bytes());
    stage.world.redis.set(&format!("token:blacklist:{digest}"), "1").await;
    stage.world.redis.set(&format!("token:blacklist:sid:{sid}"), "1").await;
    let checks = checks(&stage);
    run(&stage, checks).await;
}

/// A token that was revoked, and a session that was.
fn revoked() -> (String, &'static str) {
    let mut fixed = claims();
    for name in ["sub", "sid", "jti"] {
        fixed[name] = json!("0197c7a0-0000-7000-8000-00000000000a");
    }
    (hand_made(&hs256(), &fixed), "0197c7a0-0000-7000-8000-00000000000b")
}

/// With a token as it should be presented.
fn bearer(token: &str) -> String {
    get("/users/me?$", &format!("Authorization: Bearer {token}\r\n"))
}

pub(super) fn checks(stage: &Stage) -> Vec<Check> {
    let mut checks: Vec<Check> = algorithms()
        .into_iter()
        .chain(bad_claims())
        .chain(shapes())
        .map(|(name, token)| {
            Check::problem(name, bearer(&token), 401, "UNAUTHENTICATED")
                .reply(|reply| reply.header("www-authenticate") == "Bearer error=\"invalid_token\"")
        })
        .collect();
    checks.extend(ended());
    checks.extend(presented(&stage.buyer.token));
    checks.extend(harmless());
    checks
}

fn algorithms() -> Vec<(&'static str, String)> {
    let with = |header: Value| hand_made(&header, &claims());
    let good = hand_made(&hs256(), &claims());
    let unsigned = |header: &str| {
        let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.", part(header), part(&claims().to_string()))
    };
    let public_key = "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END PUBLIC KEY-----\n";
    vec![
        ("alg none", with(json!({"alg": "none"}))),
        ("alg None", with(json!({"alg": "None"}))),
        ("alg NONE", with(json!({"alg": "NONE"}))),
        ("alg nOnE", with(json!({"alg": "nOnE"}))),
        ("alg none without a signature", unsigned("{\"alg\":\"none\"}")),
        ("HS256 without a signature", unsigned("{\"alg\":\"HS256\"}")),
        ("alg empty", with(json!({"alg": ""}))),
        ("alg null", with(json!({"alg": null}))),
        ("no alg", with(json!({"typ": "JWT"}))),
        ("alg in a list", with(json!({"alg": ["HS256"]}))),
        (
            "alg twice",
            signed("{\"alg\":\"none\",\"alg\":\"HS256\"}", &claims().to_string()),
        ),
        ("alg hs256", with(json!({"alg": "hs256"}))),
        ("alg HS384", with(json!({"alg": "HS384"}))),
        ("alg HS512", with(json!({"alg": "HS512"}))),
        ("alg RS256", with(json!({"alg": "RS256"}))),
        ("alg PS256", with(json!({"alg": "PS256"}))),
        ("alg ES256", with(json!({"alg": "ES256"}))),
        (
            "RS256's public key as the secret",
            signed_by(public_key, "{\"alg\":\"HS256\"}", &claims().to_string()),
        ),
        (
            "another secret",
            signed_by(
                "another-secret-0123456789abcdef0123",
                &hs256().to_string(),
                &claims().to_string(),
            ),
        ),
        (
            "an empty secret",
            signed_by("", &hs256().to_string(), &claims().to_string()),
        ),
        ("a signature cut short", good[..good.len() - 4].to_owned()),
        ("a signature with more behind", format!("{good}AAAA")),
        ("a signature with padding", format!("{good}=")),
        (
            "a key in its own header",
            signed_by(
                "mine",
                "{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"bWluZQ\"}}",
                &claims().to_string(),
            ),
        ),
        (
            "a key at its own address",
            signed_by(
                "mine",
                "{\"alg\":\"HS256\",\"jku\":\"http://127.0.0.1/k\",\"kid\":\"1\"}",
                &claims().to_string(),
            ),
        ),
        (
            "a kid that is a file",
            signed_by("", "{\"alg\":\"HS256\",\"kid\":\"/dev/null\"}", &claims().to_string()),
        ),
        (
            "a kid that is a query",
            signed_by(
                "mine",
                "{\"alg\":\"HS256\",\"kid\":\"x' UNION SELECT 'mine\"}",
                &claims().to_string(),
            ),
        ),
        ("a critical extension", with(json!({"alg": "HS256", "crit": ["exp"]}))),
        (
            "an unencoded payload",
            with(json!({"alg": "HS256", "b64": false, "crit": ["b64"]})),
        ),
    ]
}

fn bad_claims() -> Vec<(&'static str, String)> {
    let raw = |from: &str, to: &str| {
        let text = claims().to_string();
        assert!(text.contains(from), "{from} is not in {text}");
        signed(&hs256().to_string(), &text.replace(from, to))
    };
    let far = format!("\"exp\":{FAR}");
    vec![
        ("no exp", without("exp")),
        ("exp as a string", changed("exp", json!("4102444800"))),
        ("exp as a fraction", changed("exp", json!(4_102_444_800.5))),
        ("exp as a whole fraction", raw(&far, "\"exp\":4102444800.0")),
        ("exp in the notation of science", raw(&far, "\"exp\":4e9")),
        ("exp beyond 64 bits", raw(&far, "\"exp\":99999999999999999999")),
        ("exp beyond all years", changed("exp", json!(i64::MAX))),
        ("exp beyond all numbers", raw(&far, "\"exp\":1e400")),
        ("exp null", changed("exp", Value::Null)),
        ("exp in a list", changed("exp", json!([FAR]))),
        ("exp as a date", changed("exp", json!("2100-01-01T00:00:00Z"))),
        ("exp twice", raw(&far, &format!("\"exp\":1,{far}"))),
        ("exp before 1970", changed("exp", json!(-1))),
        ("not valid yet", changed("nbf", json!(FAR))),
        ("no sub", without("sub")),
        ("an empty sub", changed("sub", json!(""))),
        ("a sub that is no id", changed("sub", json!("admin"))),
        ("a sub that is a number", changed("sub", json!(1))),
        (
            "sub twice",
            raw("\"sub\":", "\"sub\":\"0197c7a0-0000-7000-8000-000000000001\",\"sub\":"),
        ),
        ("no role", without("role")),
        ("a role that is none", changed("role", json!("ROOT"))),
        ("a role in small letters", changed("role", json!("admin"))),
        ("two roles", changed("role", json!(["USER", "ADMIN"]))),
        (
            "role twice",
            raw("\"role\":\"USER\"", "\"role\":\"USER\",\"role\":\"ADMIN\""),
        ),
        ("no sid", without("sid")),
        ("a sid that is no id", changed("sid", json!("x"))),
        ("no jti", without("jti")),
        ("no typ", without("typ")),
        ("a refresh token", changed("typ", json!("refresh"))),
        ("a signup token", changed("typ", json!("signup"))),
        ("typ in capitals", changed("typ", json!("ACCESS"))),
        ("no iss", without("iss")),
        ("another issuer", changed("iss", json!("someone-else"))),
        (
            "several issuers",
            changed("iss", json!(["ticket-queue", "someone-else"])),
        ),
        ("no aud", without("aud")),
        ("another audience", changed("aud", json!("someone-else"))),
        (
            "several audiences",
            changed("aud", json!(["ticket-queue-api", "someone-else"])),
        ),
        (
            "an audience that begins like ours",
            changed("aud", json!("ticket-queue-api.evil")),
        ),
        ("no iat", without("iat")),
    ]
}

/// Texts that are hardly tokens.
fn shapes() -> Vec<(&'static str, String)> {
    let good = hand_made(&hs256(), &claims());
    let parts: Vec<&str> = good.split('.').collect();
    let inner = hand_made(&hs256(), &json!({"token": good}));
    vec![
        ("nonsense", "a.b.c".into()),
        ("one part", parts[0].into()),
        ("two parts", parts[..2].join(".")),
        ("four parts", format!("{good}.{}", parts[2])),
        ("an encrypted token's five parts", format!("{good}.x.y")),
        (
            "parts in another order",
            format!("{}.{}.{}", parts[1], parts[0], parts[2]),
        ),
        ("a payload that is no JSON", signed(&hs256().to_string(), "exp=1")),
        ("a payload that is a list", signed(&hs256().to_string(), "[]")),
        ("a payload that is null", signed(&hs256().to_string(), "null")),
        ("a header that is no JSON", signed("HS256", &claims().to_string())),
        ("a token in a token", inner),
        ("a token in standard base64", good.replacen('.', "+/.", 1)),
        ("a token of 5 kB", "x".repeat(5000)),
        (
            "a token of 20 kB in three parts",
            format!("{0}.{0}.{0}", "x".repeat(7000)),
        ),
    ]
}

/// Tokens that were good.
fn ended() -> Vec<Check> {
    let (token, sid) = revoked();
    // The last letter of a signature holds two bits that decode to nothing; a lenient reader would take these for the same
    // token under a name that the blacklist does not know.
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = *token.as_bytes().last().unwrap();
    let place = letters.iter().position(|letter| *letter == last).unwrap();
    let twin = format!("{}{}", &token[..token.len() - 1], char::from(letters[place ^ 1]));
    vec![
        Check::problem(
            "expired",
            bearer(&changed("exp", json!(1_600_000_000))),
            401,
            "TOKEN_EXPIRED",
        ),
        Check::problem(
            "expired in 1970",
            bearer(&changed("exp", json!(0))),
            401,
            "TOKEN_EXPIRED",
        ),
        Check::problem("revoked", bearer(&token), 401, "TOKEN_REVOKED"),
        Check::problem(
            "revoked with its session",
            bearer(&changed("sid", json!(sid))),
            401,
            "TOKEN_REVOKED",
        ),
        Check::problem(
            "revoked with its session, written in capitals",
            bearer(&changed("sid", json!(sid.to_uppercase()))),
            401,
            "TOKEN_REVOKED",
        ),
        Check::problem(
            "revoked with its session, written without hyphens",
            bearer(&changed("sid", json!(sid.replace('-', "")))),
            401,
            "TOKEN_REVOKED",
        ),
        Check::problem(
            "revoked, with another last letter",
            bearer(&twin),
            401,
            "UNAUTHENTICATED",
        ),
        Check::problem(
            "revoked, with spaces around",
            get("/users/me?$", &format!("Authorization: Bearer   {token}  \r\n")),
            401,
            "TOKEN_REVOKED",
        ),
    ]
}

/// A good token, presented in other ways.
fn presented(token: &str) -> Vec<Check> {
    let bad = [
        ("no scheme", format!("Authorization: {token}\r\n")),
        ("another scheme", format!("Authorization: Basic {token}\r\n")),
        (
            "a scheme that begins like ours",
            format!("Authorization: BearerX {token}\r\n"),
        ),
        (
            "a colon behind the scheme",
            format!("Authorization: Bearer: {token}\r\n"),
        ),
        ("a tab behind the scheme", format!("Authorization: Bearer\t{token}\r\n")),
        ("a scheme alone", "Authorization: Bearer \r\n".into()),
        ("an empty authorization", "Authorization:\r\n".into()),
        ("the scheme twice", format!("Authorization: Bearer Bearer {token}\r\n")),
        (
            "two authorizations",
            format!("Authorization: Bearer {token}\r\n").repeat(2),
        ),
        (
            "a good authorization behind a bad one",
            format!("Authorization: Basic eA==\r\nAuthorization: Bearer {token}\r\n"),
        ),
        (
            "a list of tokens in one header",
            format!("Authorization: Bearer {token}, Bearer {token}\r\n"),
        ),
        ("a token in quotes", format!("Authorization: Bearer \"{token}\"\r\n")),
        (
            "a token with a parameter",
            format!("Authorization: Bearer {token};x=1\r\n"),
        ),
        (
            "a token beyond ASCII",
            "Authorization: Bearer \u{e4}.\u{e4}.\u{e4}\r\n".into(),
        ),
    ];
    let mut checks: Vec<Check> = bad
        .into_iter()
        .map(|(name, lines)| Check::problem(name, get("/users/me?$", &lines), 401, "UNAUTHENTICATED"))
        .collect();
    let absent = [
        (
            "a token in the query",
            get(&format!("/users/me?$&access_token={token}"), ""),
        ),
        (
            "a token in a cookie",
            get("/users/me?$", &format!("Cookie: access_token={token}\r\n")),
        ),
        (
            "a token in a header of another name",
            get("/users/me?$", &format!("X-Access-Token: {token}\r\n")),
        ),
        (
            "a token for a proxy",
            get("/users/me?$", &format!("Proxy-Authorization: Bearer {token}\r\n")),
        ),
        (
            "a token that Connection names",
            get(
                "/users/me?$",
                &format!("Connection: Authorization\r\nAuthorization: Bearer {token}\r\n"),
            ),
        ),
    ];
    checks.extend(absent.into_iter().map(|(name, request)| {
        Check::problem(name, request, 401, "UNAUTHENTICATED")
            .reply(|reply| reply.header("www-authenticate") == "Bearer")
    }));
    for (name, lines) in [
        (
            "the scheme in small letters",
            format!("Authorization: bearer {token}\r\n"),
        ),
        ("the scheme in capitals", format!("AUTHORIZATION: BEARER {token}\r\n")),
    ] {
        checks.push(Check::passes(name, get("/users/me?$", &lines)));
    }
    for (name, value) in [
        ("a public route and a bad token", "Bearer a.b.c"),
        ("a public route and another scheme", "Basic eA=="),
        ("a public route and an empty authorization", ""),
    ] {
        let request = get("/events/$", &format!("Authorization: {value}\r\n"));
        checks.push(Check::passes(name, request).upstream(|got| !got.headers.contains_key("authorization")));
    }
    let request = get("/events/$", &format!("Authorization: Bearer {token}\r\n"));
    let anonymous = |got: &crate::helpers::Recorded| {
        !got.headers.contains_key("authorization") && !got.headers.contains_key("x-user-id")
    };
    checks.push(Check::passes("a public route and a good token", request).upstream(anonymous));
    checks
}

/// What a good token may have besides.
fn harmless() -> Vec<Check> {
    vec![
        Check::passes(
            "a header without typ",
            bearer(&hand_made(&json!({"alg": "HS256"}), &claims())),
        ),
        Check::passes(
            "a kid that nobody asks for",
            bearer(&hand_made(&json!({"alg": "HS256", "kid": "../x"}), &claims())),
        ),
        Check::passes("a claim that nobody knows", bearer(&changed("admin", json!(true))))
            .upstream(|got| got.header("x-user-role") == Some("USER")),
        Check::passes("issued by a clock that is ahead", bearer(&changed("iat", json!(FAR)))),
    ]
}
