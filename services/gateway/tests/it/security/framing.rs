//! Where a request's head and body end must be clear to everybody (RFC 9112 §6, §11.2): otherwise two servers on the way
//! cut the bytes differently, and a part of one request becomes a request of its own.

use super::{Check, Stage, run};

#[tokio::test]
async fn no_request_is_smuggled_in_another() {
    run(&Stage::with(&[]).await, checks()).await;
}

/// A POST with these header lines and what follows the head.
fn post(headers: &str, rest: &str) -> String {
    format!("POST /auth/login?$ HTTP/1.1\r\nHost: x\r\n{headers}\r\n{rest}")
}

/// A request that must never be taken for one: it stands where only a confused server looks.
const HIDDEN: &str = "GET /venues/$ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// One that stands in a body, whose length must be known.
const INSIDE: &str = "GET /venues/inside HTTP/1.1\r\nHost: x\r\n\r\n";

/// The hidden one behind an empty chunked body.
fn behind_last_chunk() -> String {
    format!("0\r\n\r\n{HIDDEN}")
}

pub(super) fn checks() -> Vec<Check> {
    let mut checks = lengths();
    checks.extend(codings());
    checks.extend(chunks());
    checks.extend(pipelines());
    checks
}

/// `Content-Length` in all the ways it is not to be written, and beside `Transfer-Encoding`.
fn lengths() -> Vec<Check> {
    let chunked = "Transfer-Encoding: chunked\r\n";
    let rows: [(&str, String, String); 26] = [
        ("CL.TE", format!("Content-Length: 5\r\n{chunked}"), behind_last_chunk()),
        ("TE.CL", format!("{chunked}Content-Length: 5\r\n"), behind_last_chunk()),
        (
            "CL.TE with a length of 0",
            format!("Content-Length: 0\r\n{chunked}"),
            behind_last_chunk(),
        ),
        (
            "TE.CL in other cases",
            "tRANSFER-eNCODING: chunked\r\ncONTENT-lENGTH: 5\r\n".into(),
            behind_last_chunk(),
        ),
        (
            "TE.CL with others between",
            format!("{chunked}X-A: 1\r\nX-B: 2\r\nContent-Length: 5\r\n"),
            behind_last_chunk(),
        ),
        (
            "TE identity and CL",
            "Transfer-Encoding: identity\r\nContent-Length: 5\r\n".into(),
            format!("hello{HIDDEN}"),
        ),
        (
            "two equal CLs",
            "Content-Length: 5\r\nContent-Length: 5\r\n".into(),
            format!("hello{HIDDEN}"),
        ),
        (
            "two CLs",
            "Content-Length: 5\r\nContent-Length: 0\r\n".into(),
            HIDDEN.into(),
        ),
        (
            "two CLs, the first 0",
            "Content-Length: 0\r\nContent-Length: 70\r\n".into(),
            HIDDEN.into(),
        ),
        (
            "three CLs",
            "Content-Length: 5\r\nX: 1\r\nContent-Length: 5\r\nContent-Length: 6\r\n".into(),
            "hello".into(),
        ),
        (
            "a list of equal CLs",
            "Content-Length: 5, 5\r\n".into(),
            format!("hello{HIDDEN}"),
        ),
        ("a list of CLs", "Content-Length: 5, 6\r\n".into(), "hello".into()),
        ("CL +5", "Content-Length: +5\r\n".into(), "hello".into()),
        ("CL -5", "Content-Length: -5\r\n".into(), "hello".into()),
        ("CL -0", "Content-Length: -0\r\n".into(), HIDDEN.into()),
        (
            "CL with a space inside",
            "Content-Length: 1 0\r\n".into(),
            "hello".into(),
        ),
        ("CL in hex", "Content-Length: 0x5\r\n".into(), "hello".into()),
        ("CL 5e0", "Content-Length: 5e0\r\n".into(), "hello".into()),
        ("CL 5.0", "Content-Length: 5.0\r\n".into(), "hello".into()),
        ("CL in quotes", "Content-Length: \"5\"\r\n".into(), "hello".into()),
        (
            "CL in full-width digits",
            "Content-Length: \u{ff15}\r\n".into(),
            "hello".into(),
        ),
        ("CL empty", "Content-Length:\r\n".into(), "hello".into()),
        (
            "CL over 64 bits",
            "Content-Length: 18446744073709551621\r\n".into(),
            "hello".into(),
        ),
        (
            "CL of 2^64-1",
            "Content-Length: 18446744073709551615\r\n".into(),
            "hello".into(),
        ),
        (
            "CL in 60 digits",
            format!("Content-Length: {}5\r\n", "0".repeat(60)),
            "hello".into(),
        ),
        (
            "CL with a vertical tab",
            "Content-Length: \x0b5\r\n".into(),
            "hello".into(),
        ),
    ];
    rows.into_iter()
        .map(|(name, headers, rest)| Check::refused(name, post(&headers, &rest), 400))
        .collect()
}

/// `Transfer-Encoding` other than the one form that everybody reads alike.
fn codings() -> Vec<Check> {
    let rows = [
        ("TE identity", "Transfer-Encoding: identity\r\n"),
        ("TE gzip", "Transfer-Encoding: gzip\r\n"),
        ("TE chunked, identity", "Transfer-Encoding: chunked, identity\r\n"),
        ("TE identity, chunked", "Transfer-Encoding: identity, chunked\r\n"),
        ("TE gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n"),
        ("TE chunked, chunked", "Transfer-Encoding: chunked, chunked\r\n"),
        ("TE xchunked", "Transfer-Encoding: xchunked\r\n"),
        ("TE chunkedx", "Transfer-Encoding: chunkedx\r\n"),
        ("TE chunked with a parameter", "Transfer-Encoding: chunked;q=1\r\n"),
        ("TE chunked in quotes", "Transfer-Encoding: \"chunked\"\r\n"),
        ("TE with an empty element", "Transfer-Encoding: ,chunked\r\n"),
        ("TE with a comma behind", "Transfer-Encoding: chunked,\r\n"),
        ("TE empty", "Transfer-Encoding:\r\n"),
        ("TE with a vertical tab", "Transfer-Encoding: \x0bchunked\r\n"),
        ("TE with a form feed", "Transfer-Encoding: chunked\x0c\r\n"),
        ("TE with a no-break space", "Transfer-Encoding: \u{a0}chunked\r\n"),
        ("TE with a NUL", "Transfer-Encoding: chunked\0\r\n"),
        ("TE before the colon", "Transfer-Encoding : chunked\r\n"),
        ("TE with a tab before the colon", "Transfer-Encoding\t: chunked\r\n"),
        ("TE on a folded line", "Transfer-Encoding:\r\n chunked\r\n"),
        (
            "TE folded onto another field",
            "X-A: 1\r\n Transfer-Encoding: chunked\r\n",
        ),
        ("TE behind a bare CR", "X-A: 1\rTransfer-Encoding: chunked\r\n"),
        ("TE behind a bare LF", "X-A: 1\nTransfer-Encoding: chunked\r\n"),
        (
            "TE twice",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        ),
        (
            "TE twice, one of them unknown",
            "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n",
        ),
        (
            "TE twice, the last identity",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        ),
    ];
    let mut checks: Vec<Check> = rows
        .into_iter()
        .map(|(name, headers)| Check::refused(name, post(headers, &behind_last_chunk()), 400))
        .collect();
    let old = format!(
        "POST /auth/login?$ HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        behind_last_chunk()
    );
    checks.push(Check::refused("TE in HTTP/1.0", old, 400));
    // Servers that read `_` as `-` must not find a second framing behind the gateway.
    for (name, header) in [
        ("a length under an alias", "Content_Length: 0\r\nContent-Length: 5\r\n"),
        (
            "a coding under an alias",
            "Transfer_Encoding: chunked\r\nContent-Length: 5\r\n",
        ),
    ] {
        let request = post(&format!("Connection: close\r\n{header}"), "hello");
        let bare = |got: &crate::helpers::Recorded| {
            let framing = ["content_length", "transfer_encoding", "transfer-encoding"];
            got.body == b"hello" && framing.iter().all(|name| !got.headers.contains_key(*name))
        };
        checks.push(Check::passes(name, request).upstream(bare));
    }
    checks
}

/// Chunked bodies that are broken, or merely unusual.
fn chunks() -> Vec<Check> {
    let chunked = |rest: &str| post("Transfer-Encoding: chunked\r\n", rest);
    let broken = [
        ("a chunk size of nothing", "\r\nhello\r\n0\r\n\r\n"),
        ("a chunk size that is no number", "z\r\nhello\r\n0\r\n\r\n"),
        ("a chunk size in C's hex", "0x5\r\nhello\r\n0\r\n\r\n"),
        ("a chunk size with a sign", "+5\r\nhello\r\n0\r\n\r\n"),
        ("a negative chunk size", "-5\r\nhello\r\n0\r\n\r\n"),
        ("a chunk size over 64 bits", "10000000000000005\r\nhello\r\n0\r\n\r\n"),
        ("a chunk size with a space before it", " 5\r\nhello\r\n0\r\n\r\n"),
        ("a chunk size with a space inside", "0 5\r\nhello\r\n0\r\n\r\n"),
        ("a chunk size ended by LF", "5\nhello\r\n0\r\n\r\n"),
        ("a chunk size ended by CR", "5\rhello\r\n0\r\n\r\n"),
        ("a chunk extension with an LF", "5;a\nb\r\nhello\r\n0\r\n\r\n"),
        ("a chunk longer than it says", "2\r\nhello\r\n0\r\n\r\n"),
        ("a chunk ended by LF", "5\r\nhello\n0\r\n\r\n"),
    ];
    let mut checks: Vec<Check> = broken
        .into_iter()
        .map(|(name, rest)| {
            let check = Check::new(name, chunked(&format!("{rest}{HIDDEN}")), &[400]);
            // The head passed before the body proved broken; a service may have seen the beginning, and none the rest.
            check.upstream(|got| got.method == http::Method::POST && got.body != b"hello")
        })
        .collect();
    let extension = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(20_000));
    checks.push(Check::new(
        "a chunk extension without an end",
        chunked(&extension),
        &[400],
    ));
    let good = [
        ("a chunk extension", "5;name=value\r\nhello\r\n0\r\n\r\n"),
        ("chunk sizes with zeros before", "0005\r\nhello\r\n000\r\n\r\n"),
        (
            "forbidden trailers",
            "5\r\nhello\r\n0\r\nX-User-Id: 1\r\nAuthorization: x\r\nContent-Length: 9\r\nHost: y\r\n\r\n",
        ),
    ];
    checks.extend(good.into_iter().map(|(name, rest)| {
        let request = chunked(&format!("{rest}{HIDDEN}"));
        Check::passes(name, request).upstream(|got| {
            let foreign = ["x-user-id", "authorization", "trailer"];
            got.body == b"hello" && foreign.iter().all(|name| !got.headers.contains_key(*name))
        })
    }));
    let many = format!("0\r\n{}\r\n", "X-T: 1\r\n".repeat(5000));
    checks.push(Check::new("trailers without an end", chunked(&many), &[400]));
    checks
}

/// What stands behind a request on the same connection.
fn pipelines() -> Vec<Check> {
    let first = "GET /events/$ HTTP/1.1\r\nHost: x\r\n\r\n";
    let ambiguous = "GET /events/$ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n";
    vec![
        Check::new(
            "good requests behind each other",
            format!("{first}{first}{HIDDEN}"),
            &[200, 200, 200],
        )
        .through(3),
        Check::new(
            "a good request behind an ambiguous one",
            format!("{first}{ambiguous}{HIDDEN}"),
            &[200, 400],
        )
        .through(1),
        Check::new(
            "a request behind one without HTTP",
            format!("{first}NONSENSE\r\n\r\n{HIDDEN}"),
            &[200, 400],
        )
        .through(1),
        Check::new(
            "a request behind a body that is too large",
            post("Content-Length: 70000\r\n", &format!("{}{HIDDEN}", "x".repeat(70_000))),
            &[413],
        )
        .through(0),
        Check::passes(
            "a body that looks like a request",
            post(
                &format!("Connection: close\r\nContent-Length: {}\r\n", INSIDE.len()),
                INSIDE,
            ),
        ),
        Check::passes(
            "a body of a GET that looks like a request",
            format!(
                "GET /events/$ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{INSIDE}",
                INSIDE.len()
            ),
        ),
        Check::new(
            "a request behind a refused one whose body is there",
            format!(
                "POST /users/me?$ HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{INSIDE}{HIDDEN}",
                INSIDE.len()
            ),
            &[405, 200],
        )
        .through(1),
        Check::problem(
            "a refused request's body that looks like a request",
            format!(
                "POST /users/me?$ HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{INSIDE}",
                INSIDE.len()
            ),
            405,
            "METHOD_NOT_ALLOWED",
        ),
        Check::problem(
            "a request without a token whose body looks like a request",
            format!(
                "PUT /users/me?$ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{INSIDE}\r\n0\r\n\r\n{HIDDEN}",
                INSIDE.len()
            ),
            401,
            "UNAUTHENTICATED",
        ),
    ]
}
