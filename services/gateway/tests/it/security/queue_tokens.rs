//! Queue tokens (`design.md` §4): there, of the route's kind, and the caller's own.

use super::{Check, Stage, run};
use crate::helpers::{Person, World};
use serde_json::json;
use uuid::Uuid;

#[tokio::test]
async fn a_queue_token_works_for_whom_and_what_it_was_issued() {
    let stage = Stage::with(&[]).await;
    let checks = checks(&stage);
    run(&stage, checks).await;
}

/// Writes the tokens of the checks as the queue service does.
pub(super) async fn issue_all(world: &World, buyer: &Person, other: &Person) {
    let record = |kind: &str, user: Uuid| {
        json!({"userId": user, "eventId": Uuid::now_v7(), "type": kind, "issuedAt": "2026-11-22T10:00:00Z"}).to_string()
    };
    for (token, record) in [
        ("qr_own", record("RESERVATION", buyer.id)),
        ("qp_own", record("PAYMENT", buyer.id)),
        ("qr_others", record("RESERVATION", other.id)),
        ("qp_others", record("PAYMENT", other.id)),
        ("qr_broken", "{".to_owned()),
        ("qr_nobodys", json!({"type": "RESERVATION"}).to_string()),
        ("qr_kindless", json!({"userId": buyer.id}).to_string()),
    ] {
        world.redis.set(&format!("queue:token:{token}"), &record).await;
    }
    world
        .redis
        .command(
            "SET",
            &["queue:token:qr_past", &record("RESERVATION", buyer.id), "PX", "1"],
        )
        .await;
}

pub(super) fn checks(stage: &Stage) -> Vec<Check> {
    let post = |path: &str, person: &Person, headers: &str| {
        format!(
            "POST {path}?$ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: 2\r\n{headers}\r\n{{}}",
            person.token
        )
    };
    let hold = |headers: &str| post("/reservations/hold", &stage.buyer, headers);
    let with = |token: &str| hold(&format!("X-Queue-Token: {token}\r\n"));
    let required = "QUEUE_TOKEN_REQUIRED";
    let mut checks = vec![
        Check::passes("the buyer's own token holds", with("qr_own")),
        Check::passes(
            "the buyer's own token pays",
            post("/payments", &stage.buyer, "X-Queue-Token: qp_own\r\n"),
        ),
        Check::problem("a hold without a token", hold(""), 403, required),
        Check::problem(
            "a payment without a token",
            post("/payments", &stage.buyer, ""),
            403,
            required,
        ),
        Check::problem(
            "a queue token in the query",
            hold("").replace("?$", "?$&queueToken=qr_own"),
            403,
            required,
        ),
        Check::problem(
            "a queue token in a cookie",
            hold("Cookie: X-Queue-Token=qr_own\r\n"),
            403,
            required,
        ),
        Check::problem(
            "a token under an alias",
            hold("X_Queue_Token: qr_own\r\n"),
            403,
            required,
        ),
        Check::problem(
            "a queue token that Connection names",
            hold("Connection: X-Queue-Token\r\nX-Queue-Token: qr_own\r\n"),
            403,
            required,
        ),
        Check::problem(
            "a hold without an access token",
            "POST /reservations/hold?$ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Queue-Token: qr_own\r\n\r\n",
            401,
            "UNAUTHENTICATED",
        ),
    ];
    let invalid = [
        ("a token that nobody issued", with("qr_unknown")),
        ("a token that has expired", with("qr_past")),
        ("another buyer's token", with("qr_others")),
        ("a payment token on a hold", with("qp_own")),
        (
            "a reservation token on a payment",
            post("/payments", &stage.buyer, "X-Queue-Token: qr_own\r\n"),
        ),
        (
            "another buyer's payment token",
            post("/payments", &stage.buyer, "X-Queue-Token: qp_others\r\n"),
        ),
        (
            "an administrator with a buyer's token",
            post("/reservations/hold", &stage.admin, "X-Queue-Token: qr_own\r\n"),
        ),
        ("a token whose record is broken", with("qr_broken")),
        ("a token whose record names nobody", with("qr_nobodys")),
        ("a token whose record has no kind", with("qr_kindless")),
        ("an empty token", hold("X-Queue-Token:\r\n")),
        ("a token with a space", with("qr own")),
        ("a token with a wildcard", with("qr_*")),
        ("a token with line breaks for Redis", with("qr_own%0d%0aFLUSHALL")),
        ("a token of another key", with("../token:blacklist:x")),
        ("a token in other letters", with("QR_OWN")),
        ("a token that is too long", with(&"x".repeat(200))),
        ("a queue token beyond ASCII", with("qr_\u{e4}")),
        ("two tokens", hold("X-Queue-Token: qr_own\r\nX-Queue-Token: qr_own\r\n")),
        (
            "a good token and a bad one",
            hold("X-Queue-Token: qr_own\r\nX-Queue-Token: qr_others\r\n"),
        ),
        ("a list of tokens", with("qr_own, qr_others")),
    ];
    checks.extend(
        invalid
            .into_iter()
            .map(|(name, request)| Check::problem(name, request, 403, "QUEUE_TOKEN_INVALID")),
    );
    checks
}
