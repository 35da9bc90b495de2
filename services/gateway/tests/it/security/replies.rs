//! What goes out: the headers that keep browsers safe stand on every kind of reply, nothing says who made it, and bodies
//! are as large, as typed and as packed as they may be.

use super::{Check, Stage, get, run};
use crate::{
    helpers::{Recorded, reply},
    wire::WireReply,
};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

#[tokio::test]
async fn every_reply_is_safe_to_show() {
    let stage = Stage::with(&[]).await;
    let checks = checks(&stage);
    run(&stage, checks).await;
}

/// The services' stand-in answers as the request's `x-want` says.
pub(super) fn as_asked(got: &Recorded) -> Response {
    let text = "seat ".repeat(2000);
    match got.header("x-want").unwrap_or_default() {
        "204" => reply(204, &[], ""),
        "302" => reply(302, &[("location", "https://elsewhere.example/")], ""),
        "304" => reply(304, &[("etag", "\"7\"")], ""),
        "500" => problem(500, "INTERNAL"),
        "503" => problem(503, "SERVICE_UNAVAILABLE"),
        "chatty" => reply(
            200,
            &[
                ("server", "Apache/2.2"),
                ("x-powered-by", "PHP/5"),
                ("x-user-id", "1"),
                ("x-internal-auth", "v1"),
                ("keep-alive", "timeout=5"),
                ("proxy-authenticate", "Basic"),
                ("access-control-allow-origin", "*"),
                ("access-control-allow-credentials", "true"),
                ("x-frame-options", "ALLOWALL"),
                ("strict-transport-security", "max-age=0"),
                ("x-kept", "1"),
            ],
            "{}",
        ),
        "json" => reply(200, &[("content-type", "application/json")], text),
        "html" => reply(200, &[("content-type", "text/html; charset=utf-8")], text),
        "problem" => reply(409, &[("content-type", "application/problem+json")], text),
        "small" => reply(200, &[("content-type", "application/json")], "x".repeat(1024)),
        "png" => reply(200, &[("content-type", "image/png")], text),
        "untyped" => reply(200, &[], text),
        "sse" => reply(200, &[("content-type", "text/event-stream")], text),
        "packed" => reply(
            200,
            &[("content-type", "application/json"), ("content-encoding", "gzip")],
            text,
        ),
        _ => axum::Json(json!({"ok": true})).into_response(),
    }
}

fn problem(status: u16, code: &str) -> Response {
    let body = json!({"type": "about:blank", "title": "x", "status": status, "code": code});
    let headers = [("content-type", "application/problem+json"), ("retry-after", "5")];
    reply(status, &headers, body.to_string())
}

/// The headers that every reply has exactly once.
fn is_safe(reply: &WireReply) -> bool {
    let policy = reply.header("content-security-policy");
    reply.header("strict-transport-security") == "max-age=31536000; includeSubDomains"
        && reply.header("x-content-type-options") == "nosniff"
        && reply.header("x-frame-options") == "DENY"
        && reply.header("referrer-policy") == "no-referrer"
        && policy.starts_with("default-src 'none';")
        && policy.contains("frame-ancestors 'none'")
        && !policy.contains("unsafe")
        && !reply.header("x-request-id").is_empty()
        && ["server", "x-powered-by", "via"]
            .iter()
            .all(|name| reply.all(name).is_empty())
}

pub(super) fn checks(stage: &Stage) -> Vec<Check> {
    let mut checks = headers(stage);
    checks.extend(compression());
    checks.extend(bodies(stage));
    checks
}

fn headers(stage: &Stage) -> Vec<Check> {
    let want = |what: &str| get("/events/$", &format!("X-Want: {what}\r\n"));
    let own = |path: &str| get(&format!("{path}?$"), "");
    let token = format!("Authorization: Bearer {}\r\n", stage.buyer.token);
    let mut checks: Vec<Check> = [
        ("headers of a 200", want("x"), 200),
        ("headers of a 204", want("204"), 204),
        ("headers of a 302", want("302"), 302),
        ("headers of a 304", want("304"), 304),
        ("headers of a service's problem", want("problem"), 409),
        ("headers of a service's 500", want("500"), 500),
        ("headers of a service's 503", want("503"), 503),
        ("headers of a 400", own("/events/%2f"), 400),
        ("headers of a 401", own("/users/me"), 401),
        ("headers of a 403", get("/admin/users?$", &token), 403),
        ("headers of a 404", own("/nowhere"), 404),
        ("headers of a 404 inside", own("/internal"), 404),
        ("headers of a 405", own("/auth/login"), 405),
        ("headers of the settings", own("/config"), 200),
        ("headers of the status page", own("/"), 200),
        ("headers of the documentation", own("/docs"), 200),
        ("headers of its script", own("/docs/docs.js"), 200),
        ("headers of the document", own("/openapi.json"), 200),
        ("headers of liveness", own("/health/live"), 200),
        ("headers of readiness", own("/health/ready"), 200),
        ("headers of metrics", own("/metrics"), 200),
        ("headers of HEAD", get("/events/$", "").replacen("GET", "HEAD", 1), 200),
        (
            "headers of OPTIONS",
            get("/events/$", "").replacen("GET", "OPTIONS", 1),
            204,
        ),
    ]
    .into_iter()
    .map(|(name, request, status)| Check::new(name, request, &[status]).reply(is_safe))
    .collect();
    for (name, request, status) in [
        ("headers of a refused head", "GET /events\n\r\n\r\n".to_owned(), 400),
        (
            "headers of an oversized head",
            get("/events", &"X-A: 1\r\n".repeat(101)),
            431,
        ),
    ] {
        let closes = |reply: &WireReply| is_safe(reply) && reply.header("connection") == "close";
        checks.push(Check::refused(name, request, status).reply(closes));
    }
    checks.push(
        Check::passes("what a service says about itself", want("chatty")).reply(|reply| {
            let foreign = [
                "x-user-id",
                "x-internal-auth",
                "keep-alive",
                "proxy-authenticate",
                "access-control-allow-origin",
            ];
            is_safe(reply) && reply.header("x-kept") == "1" && foreign.iter().all(|name| reply.all(name).is_empty())
        }),
    );
    for (name, path) in [
        ("the status page's policy", "/"),
        ("the documentation's policy", "/docs"),
    ] {
        let allowed = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                       base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        checks.push(
            Check::new(name, own(path), &[200]).reply(move |reply| reply.header("content-security-policy") == allowed),
        );
    }
    for (name, target, headers, status) in [
        (
            "a refusal says nothing of its cause",
            "/users/me?$",
            "Authorization: Bearer a.b.c\r\n",
            401,
        ),
        (
            "a refusal shows nothing of the request",
            "/nowhere/secret-$",
            "X-Secret: secret\r\n",
            404,
        ),
    ] {
        checks.push(Check::new(name, get(target, headers), &[status]).reply(|reply| {
            let problem: Value = serde_json::from_str(&reply.body).unwrap_or_default();
            let members = ["type", "title", "status", "code", "requestId", "detail"];
            let all = problem
                .as_object()
                .is_some_and(|all| all.keys().all(|name| members.contains(&name.as_str())));
            all && !reply.body.contains("secret")
                && reply.header("content-type") == "application/problem+json"
                && problem["requestId"] == reply.header("x-request-id")
                && problem["status"] == reply.status
        }));
    }
    let private = get("/users/me?$", &token);
    checks.push(
        Check::passes("what was meant for one user is not kept", private)
            .reply(|reply| reply.header("cache-control") == "no-store"),
    );
    checks
}

fn compression() -> Vec<Check> {
    let ask = |want: &str, accepted: &str| {
        get(
            "/events/$",
            &format!("X-Want: {want}\r\nAccept-Encoding: {accepted}\r\n"),
        )
    };
    let packed = |by: &'static str| {
        move |reply: &WireReply| {
            reply.header("content-encoding") == by
                && reply
                    .all("vary")
                    .iter()
                    .any(|v| v.eq_ignore_ascii_case("accept-encoding"))
        }
    };
    let plain = |reply: &WireReply| reply.all("content-encoding").is_empty() && reply.body.starts_with("seat");
    let mut checks = vec![
        Check::passes("JSON is packed by gzip", ask("json", "gzip")).reply(packed("gzip")),
        Check::passes("JSON is packed by brotli", ask("json", "gzip, br")).reply(packed("br")),
        Check::passes("a page is packed", ask("html", "gzip")).reply(packed("gzip")),
        Check::passes("a reply of 1 KiB is not packed", ask("small", "gzip"))
            .reply(|reply| reply.all("content-encoding").is_empty()),
        Check::passes("what is packed is not packed again", ask("packed", "br, gzip"))
            .reply(|reply| reply.header("content-encoding") == "gzip" && reply.body.starts_with("seat")),
        Check::passes("an encoding nobody knows", ask("json", "x-frob")).reply(plain),
        Check::passes("encodings without end", ask("json", &"gzip;q=0.001,".repeat(500)))
            .reply(|reply| reply.status == 200),
    ];
    for (name, want) in [
        ("a picture is not packed", "png"),
        ("a stream is not packed", "sse"),
        ("what has no type is not packed", "untyped"),
    ] {
        checks.push(Check::passes(name, ask(want, "gzip, br")).reply(plain));
    }
    checks
}

fn bodies(stage: &Stage) -> Vec<Check> {
    let head = |method: &str, path: &str, headers: &str| {
        format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n")
    };
    let announced = |length: usize| format!("Content-Length: {length}\r\n");
    let with = |length: usize| head("POST", "/auth/login?$", &announced(length)) + &"x".repeat(length);
    let chunked = |length: usize| {
        let body = format!("{length:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(length));
        head("POST", "/auth/login?$", "Transfer-Encoding: chunked\r\n") + &body
    };
    let admin = format!("Authorization: Bearer {}\r\n", stage.admin.token);
    let poster = |length: usize| {
        let head = head(
            "PUT",
            "/events/$/poster",
            &format!("{admin}Content-Type: image/png\r\n{}", announced(length)),
        );
        head + &"x".repeat(length)
    };
    let large = "PAYLOAD_TOO_LARGE";
    let limit = 64 * 1024;
    vec![
        Check::passes("a body of 64 KiB", with(limit)).upstream(move |got| got.body.len() == limit),
        Check::problem("a body of 64 KiB and a byte", with(limit + 1), 413, large),
        Check::problem(
            "a body announced as huge",
            head("POST", "/auth/login?$", &announced(1 << 40)),
            413,
            large,
        ),
        Check::passes("a chunked body of 64 KiB", chunked(limit)).upstream(move |got| got.body.len() == limit),
        Check::new("a chunked body of 64 KiB and a byte", chunked(limit + 1), &[413])
            .upstream(move |got| got.body.len() <= limit),
        Check::passes("a poster of 5 MiB", poster(5 << 20)),
        Check::problem("a poster of 5 MiB and a byte", poster((5 << 20) + 1), 413, large),
        Check::problem(
            "a poster of 5 MiB by nobody",
            head("PUT", "/events/$/poster", &announced(5 << 20)),
            401,
            "UNAUTHENTICATED",
        ),
        Check::passes(
            "a body's type and bytes stay as they are",
            head(
                "POST",
                "/auth/login?$",
                "Content-Type: text/weird; x=\"y\"\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n",
            ) + "\0\r\n\u{7f}",
        )
        .upstream(|got| {
            got.body == b"\0\r\n\x7f"
                && got.header("content-type") == Some("text/weird; x=\"y\"")
                && got.header("content-encoding") == Some("gzip")
        }),
        Check::new(
            "a body that stops half-way",
            head("POST", "/auth/login?$", &announced(100)) + "half",
            &[400],
        )
        .upstream(|got| got.body.is_empty()),
    ]
}
