//! Heads that are no HTTP/1.1, or more of it than a client needs.

use super::{Check, Stage, get, run};

#[tokio::test]
async fn only_plain_http_gets_an_answer() {
    run(&Stage::with(&[]).await, checks()).await;
}

pub(super) fn checks() -> Vec<Check> {
    let mut checks = fields();
    checks.extend(hosts());
    checks.extend(request_lines());
    checks.extend(sizes());
    checks.extend(expectations_and_upgrades());
    checks
}

/// Header lines that parsers read in different ways.
fn fields() -> Vec<Check> {
    let rows = [
        ("a space before the colon", "X-A : 1\r\n"),
        ("a tab before the colon", "X-A\t: 1\r\n"),
        ("a space in a name", "X A: 1\r\n"),
        ("an empty name", ": 1\r\n"),
        ("a line without a colon", "X-A\r\n"),
        ("a NUL in a name", "X\0A: 1\r\n"),
        ("a NUL in a value", "X-A: 1\x002\r\n"),
        ("a control character in a name", "X\x01A: 1\r\n"),
        ("a control character in a value", "X-A: 1\x012\r\n"),
        ("a DEL in a value", "X-A: 1\x7f2\r\n"),
        ("an escape sequence in a value", "X-A: \x1b[31m\r\n"),
        ("a backspace in a value", "X-A: 1\x08\r\n"),
        ("a bare CR in a value", "X-A: 1\r2\r\n"),
        ("a CR before the line's end", "X-A: 1\r\r\n"),
        ("a bare LF behind a field", "X-A: 1\n"),
        ("a folded line", "X-A: 1\r\n 2\r\n"),
        ("a line folded by a tab", "X-A: 1\r\n\t2\r\n"),
        ("a name in brackets", "(X-A): 1\r\n"),
        ("a name in quotes", "\"X-A\": 1\r\n"),
        ("a name with a slash", "X/A: 1\r\n"),
        ("a name beyond ASCII", "X-\u{e4}: 1\r\n"),
    ];
    let mut checks: Vec<Check> = rows
        .into_iter()
        .map(|(name, line)| Check::refused(name, get("/events/$", line), 400))
        .collect();
    checks.push(Check::refused(
        "a first line that is folded",
        "GET /events/$ HTTP/1.1\r\n Host: x\r\nConnection: close\r\n\r\n",
        400,
    ));
    checks
}

fn hosts() -> Vec<Check> {
    let with = |lines: &str| format!("GET /events/$ HTTP/1.1\r\n{lines}Connection: close\r\n\r\n");
    let bad = [
        ("no Host", ""),
        ("two Hosts", "Host: a\r\nHost: b\r\n"),
        ("two equal Hosts", "Host: a\r\nHost: a\r\n"),
        ("an empty Host", "Host:\r\n"),
        ("a Host with a space", "Host: a b\r\n"),
        ("a Host with a path", "Host: a/b\r\n"),
        ("a Host with a query", "Host: a?b\r\n"),
        ("a Host with a fragment", "Host: a#b\r\n"),
        ("a Host with a user", "Host: user@a\r\n"),
        ("a Host with a scheme", "Host: http://a\r\n"),
        ("a list of Hosts", "Host: a, b\r\n"),
        ("a Host with a port that is none", "Host: a:x\r\n"),
        ("a Host with a port too high", "Host: a:70000\r\n"),
        ("a Host with a broken IPv6 address", "Host: [::1\r\n"),
        ("a Host with a backslash", "Host: a\\b\r\n"),
        ("a Host beyond ASCII", "Host: \u{e4}.example\r\n"),
    ];
    let mut checks: Vec<Check> = bad
        .into_iter()
        .map(|(name, lines)| Check::problem(name, with(lines), 400, "MALFORMED_REQUEST"))
        .collect();
    for (name, lines) in [
        ("a Host with a port", "Host: a.example:8080\r\n"),
        ("a Host that is an IPv6 address", "Host: [::1]:8080\r\n"),
    ] {
        // Services are told their own, whatever the client said.
        let own =
            |got: &crate::helpers::Recorded| got.header("host").is_some_and(|host| host.starts_with("127.0.0.1:"));
        checks.push(Check::passes(name, with(lines)).upstream(own));
    }
    checks
}

fn request_lines() -> Vec<Check> {
    let line = |line: &str| format!("{line}\r\nHost: x\r\nConnection: close\r\n\r\n");
    let refused = [
        ("HTTP/0.9", "GET /events/$", 400),
        ("HTTP/1.2", "GET /events/$ HTTP/1.2", 400),
        ("HTTP/2.0 in a request line", "GET /events/$ HTTP/2.0", 400),
        ("HTTP/11", "GET /events/$ HTTP/11", 400),
        ("http in small letters", "GET /events/$ http/1.1", 400),
        ("HTTP/1.1 with a space before it", "GET /events/$  HTTP/1.1", 400),
        ("two spaces behind the method", "GET  /events/$ HTTP/1.1", 400),
        ("a tab behind the method", "GET\t/events/$ HTTP/1.1", 400),
        ("a target with a space", "GET /events/$ x HTTP/1.1", 400),
        ("a target with a tab", "GET /events/$\tx HTTP/1.1", 400),
        ("a target with a NUL", "GET /events/$\0 HTTP/1.1", 400),
        ("a target with a bare CR", "GET /events/$\rx HTTP/1.1", 400),
        ("a target without a slash", "GET events/$ HTTP/1.1", 400),
        ("a target of an asterisk", "GET * HTTP/1.1", 400),
        ("a target in authority form", "GET x:80 HTTP/1.1", 400),
        ("no target", "GET HTTP/1.1", 400),
        ("no method", " /events/$ HTTP/1.1", 400),
        ("a method with a control character", "G\x01T /events/$ HTTP/1.1", 400),
        ("a method with a colon", "GET: /events/$ HTTP/1.1", 400),
        ("CONNECT", "CONNECT x:443 HTTP/1.1", 400),
        ("CONNECT to a path", "CONNECT /events/$ HTTP/1.1", 405),
        ("TRACE", "TRACE /events/$ HTTP/1.1", 405),
        ("TRACK", "TRACK /events/$ HTTP/1.1", 405),
        ("a method in small letters", "get /events/$ HTTP/1.1", 405),
        ("a method nobody knows", "FROBNICATE /events/$ HTTP/1.1", 405),
        ("PATCH where there is none", "PATCH /events/$ HTTP/1.1", 405),
        ("a gateway's own page by POST", "POST /config HTTP/1.1", 405),
    ];
    let mut checks: Vec<Check> = refused
        .into_iter()
        .map(|(name, text, status)| Check::refused(name, line(text), status))
        .collect();
    let silent = |reply: &crate::wire::WireReply| !reply.body.contains("secret-of-the-client");
    checks.push(
        Check::refused(
            "TRACE shows nothing of the request",
            "TRACE /events/$ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Secret: secret-of-the-client\r\n\r\n",
            405,
        )
        .reply(silent),
    );
    let path =
        |got: &crate::helpers::Recorded| got.target.starts_with("/events/w") && !got.target.contains("elsewhere");
    for (name, text) in [
        ("a target in absolute form", "GET http://x/events/$ HTTP/1.1"),
        (
            "a target in absolute form, in capitals",
            "GET HTTP://X/events/$ HTTP/1.1",
        ),
        (
            "a fragment in a target goes no further",
            "GET /events/$#elsewhere HTTP/1.1",
        ),
    ] {
        checks.push(Check::passes(name, line(text)).upstream(path));
    }
    for (name, text) in [
        (
            "a target that names another host",
            "GET http://elsewhere/events/$ HTTP/1.1",
        ),
        ("a target that names another port", "GET http://x:81/events/$ HTTP/1.1"),
        ("a target that names a user", "GET http://user:pw@x/events/$ HTTP/1.1"),
    ] {
        checks.push(Check::problem(name, line(text), 400, "MALFORMED_REQUEST"));
    }
    checks.push(Check::new(
        "HTTP/2's preface on a plain connection",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        &[],
    ));
    checks.push(Check::refused(
        "a TLS hello on a plain connection",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n",
        400,
    ));
    checks.push(Check::passes(
        "HTTP/1.0 without a Host",
        "GET /events/$ HTTP/1.0\r\n\r\n",
    ));
    checks.push(
        Check::new(
            "HTTP/1.0 with keep-alive",
            "GET /events/$ HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /events/$ HTTP/1.0\r\n\r\n",
            &[200, 200],
        )
        .through(2),
    );
    checks.push(
        Check::new(
            "nothing behind HTTP/1.0 that wants to close",
            "GET /events/$ HTTP/1.0\r\n\r\nGET /events/$ HTTP/1.0\r\n\r\n",
            &[200],
        )
        .through(1),
    );
    checks.push(
        Check::new(
            "nothing behind a request that wants to close",
            format!("{0}{0}", get("/events/$", "")),
            &[200],
        )
        .through(1),
    );
    checks
}

fn sizes() -> Vec<Check> {
    let lines = |count: usize| {
        (0..count)
            .map(|number| format!("X-{number}: 1\r\n"))
            .collect::<String>()
    };
    vec![
        Check::refused(
            "a head over 32 KiB",
            get("/events/$", &format!("X-A: {}\r\n", "x".repeat(40_000))),
            431,
        ),
        Check::refused(
            "a head over 1 MiB",
            get("/events/$", &format!("X-A: {}\r\n", "x".repeat(1 << 20))),
            431,
        ),
        Check::refused("more than 100 fields", get("/events/$", &lines(120)), 431),
        Check::refused(
            "1000 fields of one name",
            get("/events/$", &"X-A: 1\r\n".repeat(1000)),
            431,
        ),
        Check::refused(
            "a name of 40 kB",
            get("/events/$", &format!("{}: 1\r\n", "x".repeat(40_000))),
            431,
        ),
        Check::refused(
            "a target of 40 kB",
            get(&format!("/events/${}", "x".repeat(40_000)), ""),
            431,
        ),
        Check::refused(
            "a request line that does not end",
            "GET /".to_owned() + &"x".repeat(50_000),
            431,
        ),
        Check::passes(
            "a head of 16 kB",
            get("/events/$", &format!("X-A: {}\r\n", "x".repeat(16_000))),
        ),
    ]
}

fn expectations_and_upgrades() -> Vec<Check> {
    let post = |headers: &str| {
        format!(
            "POST /auth/login?$ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n{headers}\r\nhello"
        )
    };
    let clean = |got: &crate::helpers::Recorded| {
        let hop = [
            "expect",
            "upgrade",
            "http2-settings",
            "connection",
            "te",
            "keep-alive",
            "proxy-connection",
        ];
        hop.iter().all(|name| !got.headers.contains_key(*name))
    };
    let upgrade = |headers: &str| format!("GET /events/$ HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
    vec![
        Check::new(
            "Expect: 100-continue is answered here",
            post("Expect: 100-continue\r\n"),
            &[100, 200],
        )
        .through(1)
        .upstream(clean),
        Check::new("an expectation that nobody knows", post("Expect: tea\r\n"), &[200]).upstream(clean),
        Check::problem(
            "Expect: 100-continue gets no invitation without a token",
            "PUT /users/me?$ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
            401,
            "UNAUTHENTICATED",
        ),
        Check::problem(
            "Expect: 100-continue gets no invitation to send too much",
            "POST /auth/login?$ HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n",
            413,
            "PAYLOAD_TOO_LARGE",
        ),
        Check::passes(
            "an upgrade to h2c",
            upgrade(
                "Connection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
            ),
        )
        .upstream(clean),
        Check::passes(
            "an upgrade to h2c that Connection does not name",
            upgrade("Connection: close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
        )
        .upstream(clean),
        Check::passes(
            "an upgrade to a web socket",
            upgrade("Connection: close, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"),
        )
        .upstream(clean),
    ]
}
