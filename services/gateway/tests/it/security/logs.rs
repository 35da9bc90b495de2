//! What clients write must not write the log (`design.md` §11): a line is one JSON object of ours, without line breaks,
//! tokens or personal data of theirs.

use super::{Check, Stage, get, replace};
use crate::{helpers::Process, wire};
use serde_json::Value;

/// In everything that must never be logged.
const PRIVATE: &str = "hong.gildong";

/// What an attacker would like to see as a line of its own.
const FORGED: &str = "forged-line";

#[tokio::test]
async fn clients_do_not_write_the_log() {
    let stage = Stage::with(&[]).await;
    for format in ["json", "text"] {
        let mut process = Process::start(stage.world.settings(), format).await;
        for (number, check) in checks(&stage).iter().enumerate() {
            let request = replace(&check.request, &format!("w{number}w"));
            let replies = wire::exchange(process.address, &request).await.unwrap();
            let got: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
            assert_eq!(got, check.statuses, "{}", check.name);
        }
        let log = process.end().await;
        assert!(log.lines().count() >= checks(&stage).len(), "{log}");
        for secret in [PRIVATE, &stage.buyer.token, "qr_own", "Bearer", "secret-of"] {
            assert!(!log.contains(secret), "{secret} in {log}");
        }
        for line in log.lines() {
            assert!(
                !line.contains(|letter: char| letter.is_control() && letter != '\x1b'),
                "{line:?}"
            );
            if format == "json" {
                let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no line of ours: {line:?}"));
                assert!(line["timestamp"].is_string() && line["message"] != FORGED, "{line}");
            } else {
                assert!(!line.starts_with(FORGED) && line.contains("20"), "{line:?}");
            }
        }
    }
}

/// What a client would write if it could.
pub(super) fn checks(stage: &Stage) -> Vec<Check> {
    let token = &stage.buyer.token;
    let rows = [
        (
            "log: a line break in a path",
            get(&format!("/events/$%0d%0a{FORGED}"), ""),
            400,
        ),
        (
            "log: a line break in a path, encoded twice",
            get(&format!("/events/$%250a{FORGED}"), ""),
            400,
        ),
        (
            "log: a Unicode line break in a path",
            get(&format!("/events/$%e2%80%a8{FORGED}"), ""),
            200,
        ),
        (
            "log: a quote and a member in a path",
            get("/events/$\",\"message\":\"forged-line", ""),
            200,
        ),
        ("log: an escape sequence in a path", get("/events/$%1b%5b2K", ""), 400),
        (
            "log: a line break in a query",
            get(&format!("/events?$=%0a{FORGED}"), ""),
            200,
        ),
        (
            "log: an email in a query",
            get(&format!("/admin/users?$&email={PRIVATE}@example.com"), ""),
            401,
        ),
        (
            "log: a request id with a line break in it",
            get("/events/$", &format!("X-Request-Id: a%0a{FORGED}\r\n")),
            200,
        ),
        (
            "log: a request id with personal data",
            get("/events/$", &format!("X-Request-Id: {PRIVATE}@example.com\r\n")),
            200,
        ),
        (
            "log: a bad token",
            get("/users/me?$", &format!("Authorization: Bearer {PRIVATE}.b.c\r\n")),
            401,
        ),
        (
            "log: a good token",
            get("/users/me?$", &format!("Authorization: Bearer {token}\r\n")),
            200,
        ),
        (
            "log: a token in a query",
            get(&format!("/users/me?$&access_token={token}"), ""),
            401,
        ),
        (
            "log: a code of an identity provider",
            get("/auth/oauth2/kakao/callback?$&code=secret-of-kakao&state=x", ""),
            200,
        ),
        (
            "log: a queue token",
            format!(
                "POST /reservations/hold?$ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
                 X-Queue-Token: qr_own\r\nContent-Length: 2\r\n\r\n{{}}"
            ),
            200,
        ),
        (
            "log: a user agent",
            get(
                "/events/$",
                &format!("User-Agent: {PRIVATE}\r\nReferer: http://{PRIVATE}/\r\n"),
            ),
            200,
        ),
        (
            "log: a Host",
            get("/events/$", "").replace("Host: x", &format!("Host: {PRIVATE}.example")),
            200,
        ),
        (
            "log: a cookie",
            get("/events/$", "Cookie: session=secret-of-the-session\r\n"),
            200,
        ),
        ("log: a method", get("/events/$", "").replacen("GET", FORGED, 1), 405),
        (
            "log: a user in an absolute target",
            get(&format!("http://{PRIVATE}:pw@x/events/$"), ""),
            400,
        ),
        (
            "log: a head that is no HTTP",
            format!("{PRIVATE}\n{FORGED}\r\n\r\n"),
            400,
        ),
    ];
    rows.into_iter()
        .map(|(name, request, status)| Check::new(name, request, &[status]))
        .collect()
}
