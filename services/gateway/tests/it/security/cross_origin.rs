//! Which pages may read our replies (`design.md` §4): those of two origins, to the letter.

use super::{Check, Stage, get, run};
use crate::wire::WireReply;

const OURS: [&str; 2] = ["https://ticketing.vercel.app", "http://localhost:3000"];

#[tokio::test]
async fn only_our_own_front_end_may_read_replies() {
    run(&Stage::with(&[]).await, checks()).await;
}

fn preflight(path: &str, headers: &str) -> String {
    format!("OPTIONS {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n")
}

fn permits_nothing(reply: &WireReply) -> bool {
    let permits = |name: &str| name.starts_with("access-control-");
    !reply.headers.iter().any(|(name, _)| permits(name)) && reply.all("vary").contains(&"Origin")
}

pub(super) fn checks() -> Vec<Check> {
    let mut checks = strangers();
    checks.extend(preflights());
    checks.extend(own());
    checks
}

fn strangers() -> Vec<Check> {
    let lines = [
        ("null", "Origin: null"),
        ("no origin at all", "X-A: 1"),
        ("an empty origin", "Origin:"),
        ("an asterisk", "Origin: *"),
        ("another site", "Origin: https://evil.example"),
        (
            "a site that ends like ours",
            "Origin: https://evil-ticketing.vercel.app",
        ),
        ("a site below ours", "Origin: https://a.ticketing.vercel.app"),
        (
            "a site that begins like ours",
            "Origin: https://ticketing.vercel.app.evil.example",
        ),
        ("a sibling", "Origin: https://other.vercel.app"),
        ("another dot", "Origin: https://ticketing-vercel.app"),
        ("another scheme", "Origin: http://ticketing.vercel.app"),
        ("a file", "Origin: file://"),
        ("an extension", "Origin: chrome-extension://abcdef"),
        ("another port", "Origin: https://ticketing.vercel.app:8443"),
        ("our port written out", "Origin: https://ticketing.vercel.app:443"),
        ("another local port", "Origin: http://localhost:3001"),
        ("the local machine by number", "Origin: http://127.0.0.1:3000"),
        ("capitals", "Origin: HTTPS://TICKETING.VERCEL.APP"),
        ("a slash behind", "Origin: https://ticketing.vercel.app/"),
        ("a dot behind", "Origin: https://ticketing.vercel.app."),
        ("a user before", "Origin: https://x@ticketing.vercel.app"),
        (
            "a list of origins",
            "Origin: https://ticketing.vercel.app https://evil.example",
        ),
        (
            "a list with commas",
            "Origin: https://ticketing.vercel.app, https://evil.example",
        ),
        (
            "two origins",
            "Origin: https://ticketing.vercel.app\r\nOrigin: https://evil.example",
        ),
        (
            "an origin that Connection names",
            "Connection: Origin\r\nOrigin: https://ticketing.vercel.app",
        ),
        ("a letter beyond ASCII", "Origin: https://tick\u{e9}ting.vercel.app"),
    ];
    lines
        .into_iter()
        .map(|(name, line)| {
            let name = &*format!("a reply to {name}").leak();
            Check::passes(name, get("/events/$", &format!("{line}\r\n"))).reply(permits_nothing)
        })
        .collect()
}

fn preflights() -> Vec<Check> {
    let asks = "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n";
    let mut checks: Vec<Check> = [
        ("a stranger's preflight", "https://evil.example"),
        ("null's preflight", "null"),
        ("a preflight of another port", "http://localhost:3001"),
        (
            "a preflight of a site that ends like ours",
            "https://evil-ticketing.vercel.app",
        ),
    ]
    .into_iter()
    .map(|(name, origin)| {
        let request = preflight("/events/$", &format!("Origin: {origin}\r\n{asks}"));
        Check::problem(name, request, 403, "FORBIDDEN").reply(permits_nothing)
    })
    .collect();
    let ours = |headers: &str| preflight("/reservations/hold?$", &format!("Origin: {}\r\n{headers}", OURS[0]));
    let methods = |reply: &WireReply| reply.header("access-control-allow-methods") == "GET, POST, PUT, DELETE, OPTIONS";
    let headers = |reply: &WireReply| {
        let allowed = reply.header("access-control-allow-headers").to_lowercase();
        let all = [
            "authorization",
            "content-type",
            "x-queue-token",
            "x-queue-ticket",
            "idempotency-key",
            "if-match",
            "x-request-id",
            "traceparent",
        ];
        allowed.split(", ").collect::<Vec<_>>() == all
    };
    let settled = move |reply: &WireReply| {
        methods(reply) && headers(reply) && reply.header("access-control-max-age") == "600" && reply.body.is_empty()
    };
    for (name, lines) in [
        ("a preflight of ours", asks),
        (
            "a preflight of ours for a method that is not allowed",
            "Access-Control-Request-Method: PATCH\r\n",
        ),
        (
            "a preflight of ours for a method nobody knows",
            "Access-Control-Request-Method: FROB\r\n",
        ),
        (
            "a preflight of ours for a header that is not allowed",
            "Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: x-user-id, x-internal-auth\r\n",
        ),
        (
            "a preflight of ours for another network",
            "Access-Control-Request-Method: GET\r\nAccess-Control-Request-Private-Network: true\r\n",
        ),
    ] {
        checks.push(
            Check::new(name, ours(lines), &[204])
                .through(0)
                .reply(move |reply| settled(reply) && reply.all("access-control-allow-private-network").is_empty()),
        );
    }
    let inside = preflight("/internal/events/$", &format!("Origin: {}\r\n{asks}", OURS[0]));
    checks.push(Check::problem("a preflight of ours inside", inside, 404, "NOT_FOUND"));
    let bare = preflight("/events/$", &format!("Origin: {}\r\n", OURS[0]));
    checks.push(
        Check::new("OPTIONS that asks for no method is no preflight", bare, &[204])
            .through(0)
            .reply(|reply| {
                reply.header("allow") == "GET, PUT, DELETE, HEAD, OPTIONS"
                    && reply.all("access-control-allow-methods").is_empty()
            }),
    );
    checks
}

/// Our own pages may read everything, refusals too, and each reply says for which origin it is.
fn own() -> Vec<Check> {
    let rows = [
        ("our page reads a reply", "/events/$", OURS[0], 200),
        ("our page on the local machine reads a reply", "/events/$", OURS[1], 200),
        ("our page reads a 401", "/users/me?$", OURS[0], 401),
        ("our page reads a 404", "/nowhere/$", OURS[0], 404),
        ("our page reads a 404 of a path inside", "/internal/$", OURS[0], 404),
        ("our page reads a 400", "/events/$%2f", OURS[0], 400),
    ];
    rows.into_iter()
        .map(|(name, path, origin, status)| {
            Check::new(name, get(path, &format!("Origin: {origin}\r\n")), &[status]).reply(move |reply| {
                reply.header("access-control-allow-origin") == origin
                    && reply.header("access-control-allow-credentials") == "true"
                    && reply.header("access-control-expose-headers").contains("X-Request-Id")
                    && reply.all("vary").contains(&"Origin")
            })
        })
        .collect()
}
