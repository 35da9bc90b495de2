//! One path, one spelling: no two of us may read a path in two ways, and `/internal` does not exist in any.

use super::{Check, Stage, get, run};

#[tokio::test]
async fn a_path_has_one_meaning_and_none_leads_inside() {
    let stage = Stage::with(&[]).await;
    let checks = checks(&stage);
    run(&stage, checks).await;
}

pub(super) fn checks(stage: &Stage) -> Vec<Check> {
    let mut checks = inside(&stage.admin.token);
    checks.extend(without_a_single_meaning());
    checks.extend(round_about());
    checks.extend(one_spelling());
    checks
}

/// Every way to write `/internal`, asked by an administrator.
fn inside(token: &str) -> Vec<Check> {
    let spellings = [
        "/internal",
        "/internal/",
        "/internal/events/$",
        "/INTERNAL/events/$",
        "/InTeRnAl/events/$",
        "//internal/events/$",
        "///internal//events/$",
        "/./internal/events/$",
        "/.//internal/events/$",
        "/x/../internal/events/$",
        "/events/../internal/events/$",
        "/events/$/../../internal/events/$",
        "/events/%2e%2e/internal/events/$",
        "/events/%2E%2E/internal/events/$",
        "/events/.%2e/internal/events/$",
        "/events/%2e./internal/events/$",
        "/events/%252e%252e/internal/events/$",
        "/events/%25252e%25252e/internal/events/$",
        "/%69nternal/events/$",
        "/%49NTERNAL/events/$",
        "/%69%6e%74%65%72%6e%61%6c/events/$",
        "/%2569nternal/events/$",
        "/%252569nternal/events/$",
        "/internal%2fevents/$",
        "/internal%2Fevents/$",
        "/internal%252fevents/$",
        "/internal%5cevents/$",
        "/internal%255cevents/$",
        "/%2finternal/events/$",
        "/%5cinternal/events/$",
        "/%2f%2finternal/events/$",
        "/events%2f..%2finternal/events/$",
        "/events/..%2finternal/events/$",
        "/events/..%5cinternal/events/$",
        "/internal\\events\\$",
        "/\\internal/events/$",
        "\\internal/events/$",
        "/events/..\\internal/events/$",
        "/internal;/events/$",
        "/internal;x=1/events/$",
        "/;x=1/internal/events/$",
        "/events/..;/internal/events/$",
        "/events/..;x=1/internal/events/$",
        "/events/%2e%2e%3b/internal/events/$",
        "/internal%3bx=1/events/$",
        "/internal%20/events/$",
        "/%20internal/events/$",
        "/internal%00/events/$",
        "/%00internal/events/$",
        "/internal%09/events/$",
        "/inter%00nal/events/$",
        "/internal%0d%0a/events/$",
        "/internal?x=/events/$",
        "/internal/events/$?x=..",
        "/internal#/events/$",
        "/%c0%afinternal/events/$",
        "/events/..%c0%afinternal/events/$",
        "/events/%c0%ae%c0%ae/internal/events/$",
        "/events/%e0%80%ae%e0%80%ae/internal/events/$",
        "/%c1%a9nternal/events/$",
        "/events/..%c1%9cinternal/events/$",
        "/../internal/events/$",
        "/../../internal/events/$",
        "http://x/internal/events/$",
        "http://x//internal/events/$",
        "HTTP://x/INTERNAL/events/$",
    ];
    let names = spellings.map(|spelling| &*format!("inside by {spelling:?}").leak());
    std::iter::zip(spellings, names)
        .map(|(spelling, name)| {
            let request = get(spelling, &format!("Authorization: Bearer {token}\r\n"));
            // What the HTTP parser already finds to be no target is 400 without a word.
            if spelling.starts_with('\\') {
                return Check::refused(name, request, 400);
            }
            Check::problem(name, request, 404, "NOT_FOUND")
        })
        .collect()
}

/// What two servers might read in two ways.
fn without_a_single_meaning() -> Vec<Check> {
    [
        ("an encoded slash", "/events%2f$"),
        ("an encoded slash in capitals", "/events%2F$"),
        ("an encoded backslash", "/events%5c$"),
        ("a backslash", "/events\\$"),
        ("a slash encoded twice", "/events%252f$"),
        ("a dot encoded twice", "/events/%252e%252e/users/me?$"),
        ("an encoded percent sign", "/events/%25?$"),
        ("an encoded NUL", "/events/$%00"),
        ("an encoded CR LF", "/events/$%0d%0aX-User-Id:%201"),
        ("an encoded tab", "/events/$%09"),
        ("an encoded escape", "/events/$%1b%5b31m"),
        ("an encoded DEL", "/events/$%7f"),
        ("a percent sign without digits", "/events/$%"),
        ("a percent sign with one digit", "/events/$%2"),
        ("a percent sign with other letters", "/events/$%zz"),
        ("a code point in the manner of IIS", "/events/%u002e%u002e/$"),
        ("a slash that is too long in UTF-8", "/events/..%c0%afusers%c0%afme?$"),
        ("a dot that is too long in UTF-8", "/events/%c0%ae%c0%ae/users/me?$"),
        ("a dot in three bytes", "/events/%e0%80%ae?$"),
        ("a byte that is no UTF-8", "/events/$%ff"),
        ("half a character in UTF-8", "/events/$%c3"),
        ("a surrogate in UTF-8", "/events/$%ed%a0%80"),
        ("a byte beyond ASCII", "/events/$\u{e4}"),
        ("a path above the root", "/..?$"),
        ("a path above the root and down again", "/../events/$"),
        ("an encoded path above the root", "/%2e%2e/events/$"),
        ("a path far above the root", "/events/../../../etc/passwd?$"),
        ("an asset above its folder", "/docs/..%2f..%2fCargo.toml?$"),
        ("an asset by an encoded backslash", "/docs/..%5cCargo.toml?$"),
    ]
    .into_iter()
    .map(|(name, target)| Check::problem(name, get(target, ""), 400, "MALFORMED_REQUEST"))
    .collect()
}

/// Ways around a route's rules, which need a token that is not there.
fn round_about() -> Vec<Check> {
    let rows = [
        (
            "a private route by dots",
            "/events/../users/me?$",
            401,
            "UNAUTHENTICATED",
        ),
        (
            "a private route by encoded dots",
            "/events/%2e%2e/users/me?$",
            401,
            "UNAUTHENTICATED",
        ),
        (
            "a private route by many dots",
            "/auth/login/../../users/me?$",
            401,
            "UNAUTHENTICATED",
        ),
        ("a private route by slashes", "//users//me?$", 401, "UNAUTHENTICATED"),
        (
            "a private route by encoded letters",
            "/%75sers/m%65?$",
            401,
            "UNAUTHENTICATED",
        ),
        (
            "a private route in absolute form",
            "http://x/users/me?$",
            401,
            "UNAUTHENTICATED",
        ),
        (
            "an admin route by dots",
            "/events/../admin/users?$",
            401,
            "UNAUTHENTICATED",
        ),
        (
            "an admin route by a dot segment at the end",
            "/admin/users/x/..?$",
            404,
            "NOT_FOUND",
        ),
        ("a private route in capitals", "/USERS/me?$", 404, "NOT_FOUND"),
        ("a private route with a slash behind", "/users/me/?$", 404, "NOT_FOUND"),
        ("a private route with parameters", "/users;x=1/me?$", 404, "NOT_FOUND"),
        (
            "a private route with parameters at the end",
            "/users/me;x=1?$",
            404,
            "NOT_FOUND",
        ),
        (
            "a private route with an extension",
            "/users/me.json?$",
            404,
            "NOT_FOUND",
        ),
        (
            "a private route with an encoded query",
            "/users/me%3fx=1?$",
            404,
            "NOT_FOUND",
        ),
        (
            "a private route with an encoded fragment",
            "/users/me%23x?$",
            404,
            "NOT_FOUND",
        ),
        (
            "a private route with a space behind",
            "/users/me%20?$",
            404,
            "NOT_FOUND",
        ),
        ("dots with parameters", "/events/..;/users/me?$", 404, "NOT_FOUND"),
        ("full-width letters", "/%ef%bd%95sers/me?$", 404, "NOT_FOUND"),
        ("a dotless i", "/%c4%b1nternal/events/$", 404, "NOT_FOUND"),
        ("a soft hyphen", "/in%c2%adternal/events/$", 404, "NOT_FOUND"),
        (
            "a full-width slash",
            "/events%ef%bc%8f..%ef%bc%8finternal/$",
            404,
            "NOT_FOUND",
        ),
        ("a service's own metrics", "/users/metrics?$", 404, "NOT_FOUND"),
        (
            "a service's own health",
            "/events/../actuator/health?$",
            404,
            "NOT_FOUND",
        ),
        ("an asset that is none", "/docs/other.js?$", 404, "NOT_FOUND"),
        ("a hidden file", "/.git/config?$", 404, "NOT_FOUND"),
        ("a file of the environment", "/.env?$", 404, "NOT_FOUND"),
        ("three dots", "/events/.../$", 404, "NOT_FOUND"),
    ];
    rows.into_iter()
        .map(|(name, target, status, code)| Check::problem(name, get(target, ""), status, code))
        .collect()
}

/// Other spellings of a public path; the service sees the one that was checked.
fn one_spelling() -> Vec<Check> {
    [
        ("slashes come to one", "//events///$", "/events/"),
        ("dots are resolved", "/venues/./../events/$", "/events/"),
        ("encoded letters are decoded", "/%65vents/$", "/events/"),
        ("encodings are in capitals", "/events/%c3%a9$", "/events/%C3%A9"),
        ("a semicolon stays in its segment", "/events/a;b$", "/events/a;b"),
        ("a query stays as it is", "/events?$=%2F..%2f;%00", "/events?"),
    ]
    .into_iter()
    .map(|(name, target, seen)| {
        Check::passes(name, get(target, "")).upstream(move |got| {
            let query_kept = !target.contains("%2F..") || got.target.ends_with("=%2F..%2f;%00");
            got.target.starts_with(seen) && query_kept
        })
    })
    .collect()
}
