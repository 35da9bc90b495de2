//! Access tokens made by hand: right in everything but what a test changes.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use common::crypto;
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) const LOCAL_SECRET: &str = "local-only-jwt-secret-0123456789abcdef";
/// In the year 2100.
pub(crate) const FAR: i64 = 4_102_444_800;

/// A token of these parts, which need not be JSON, under the gateway's own secret.
pub(crate) fn signed(header: &str, claims: &str) -> String {
    signed_by(LOCAL_SECRET, header, claims)
}

/// A token of these parts under any secret.
pub(crate) fn signed_by(secret: &str, header: &str, claims: &str) -> String {
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let head = format!("{}.{}", part(header), part(claims));
    let mac = crypto::hmac_sha256_raw(secret.as_bytes(), head.as_bytes());
    format!("{head}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac))
}

pub(crate) fn hand_made(header: &Value, claims: &Value) -> String {
    signed(&header.to_string(), &claims.to_string())
}

/// The header that the user service writes.
pub(crate) fn hs256() -> Value {
    json!({"alg": "HS256", "typ": "JWT"})
}

/// The claims of a buyer.
pub(crate) fn claims() -> Value {
    json!({"sub": Uuid::now_v7(), "role": "USER", "sid": Uuid::now_v7(), "iss": "ticket-queue", "aud": "ticket-queue-api",
           "typ": "access", "iat": 0, "exp": FAR, "jti": Uuid::now_v7()})
}

/// A well signed token with one claim changed.
pub(crate) fn changed(name: &str, value: Value) -> String {
    let mut claims = claims();
    claims[name] = value;
    hand_made(&hs256(), &claims)
}

/// A well signed token without one claim.
pub(crate) fn without(name: &str) -> String {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    hand_made(&hs256(), &claims)
}
