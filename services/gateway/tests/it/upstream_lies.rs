//! Services that answer wrongly. Whatever one says, a client sees a whole reply, a refusal, or one that was visibly cut off;
//! never a wrong one, and never what was meant for somebody else.

use crate::{
    helpers::{OddServer, World, read_head},
    wire::{self, WireReply},
};
use futures_util::{StreamExt, stream};
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What a client must see.
enum Seen {
    /// The gateway's own refusal with this status and code.
    Refused(u16, &'static str),
    /// The beginning of a reply, and that it was cut.
    Cut,
    /// This status and body, whole.
    Whole(u16, &'static str),
}

use Seen::{Cut, Refused, Whole};

const FAILED: Seen = Refused(502, "UPSTREAM_FAILED");
const LATE: Seen = Refused(504, "UPSTREAM_TIMEOUT");

/// What the service says, and what a client sees of it. Behind what it says, the service closes, unless the last byte is an
/// `@`, which stands for silence.
fn lies() -> Vec<(&'static str, String, Seen)> {
    let ok = |headers: &str, body: &str| format!("HTTP/1.1 200 OK\r\n{headers}\r\n{body}");
    let chunked = "Transfer-Encoding: chunked\r\n";
    let hello = "5\r\nhello\r\n0\r\n\r\n";
    vec![
        (
            "a good reply",
            ok("Content-Length: 5\r\n", "hello"),
            Whole(200, "hello"),
        ),
        ("a good reply in chunks", ok(chunked, hello), Whole(200, "hello")),
        (
            "a reply that ends with its connection",
            ok("", "hello"),
            Whole(200, "hello"),
        ),
        ("HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhello".into(), Whole(200, "hello")),
        (
            "an invitation before the reply",
            format!("HTTP/1.1 100 Continue\r\n\r\n{}", ok("Content-Length: 2\r\n", "ok")),
            Whole(200, "ok"),
        ),
        (
            "hints before the reply",
            format!(
                "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n{}",
                ok("Content-Length: 2\r\n", "ok")
            ),
            Whole(200, "ok"),
        ),
        ("nothing", String::new(), FAILED),
        ("nothing, for ever", "@".into(), LATE),
        ("half a head", "HTTP/1.1 200 OK\r\nContent-".into(), FAILED),
        ("half a head, then silence", "HTTP/1.1 200 OK\r\nContent-@".into(), LATE),
        (
            "invitations, then silence",
            "HTTP/1.1 100 Continue\r\n\r\n@".into(),
            LATE,
        ),
        (
            "an upgrade that nobody asked for",
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello".into(),
            FAILED,
        ),
        ("another protocol", "SSH-2.0-x\r\n\r\n".into(), FAILED),
        ("HTTP/0.9", "<html>hello</html>\r\n\r\n".into(), FAILED),
        (
            "HTTP/3.0",
            "HTTP/3.0 200 OK\r\nContent-Length: 5\r\n\r\nhello".into(),
            FAILED,
        ),
        (
            "a status that is none",
            "HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n".into(),
            FAILED,
        ),
        (
            "a status of four digits",
            "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n".into(),
            FAILED,
        ),
        (
            "a status below 100",
            "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n".into(),
            FAILED,
        ),
        (
            "a length and chunks",
            ok(&format!("Content-Length: 3\r\n{chunked}"), hello),
            FAILED,
        ),
        (
            "chunks and a length",
            ok(&format!("{chunked}Content-Length: 3\r\n"), hello),
            FAILED,
        ),
        (
            "two lengths",
            ok("Content-Length: 5\r\nContent-Length: 3\r\n", "hello"),
            FAILED,
        ),
        ("a list of lengths", ok("Content-Length: 5, 3\r\n", "hello"), FAILED),
        ("a length that is none", ok("Content-Length: x\r\n", "hello"), FAILED),
        ("a negative length", ok("Content-Length: -5\r\n", "hello"), FAILED),
        ("another coding", ok("Transfer-Encoding: gzip\r\n", "hello"), FAILED),
        (
            "another coding below chunks",
            ok("Transfer-Encoding: gzip, chunked\r\n", hello),
            FAILED,
        ),
        (
            "chunks below another coding",
            ok("Transfer-Encoding: chunked, gzip\r\n", hello),
            FAILED,
        ),
        (
            "a control character in a field",
            ok("X-A: 1\x012\r\nContent-Length: 5\r\n", "hello"),
            FAILED,
        ),
        (
            "a NUL in a field",
            ok("X-A: 1\x002\r\nContent-Length: 5\r\n", "hello"),
            FAILED,
        ),
        (
            "a bare CR in a field",
            ok("X-A: 1\rX-B: 2\r\nContent-Length: 5\r\n", "hello"),
            FAILED,
        ),
        (
            "a folded field",
            ok("X-A: 1\r\n 2\r\nContent-Length: 5\r\n", "hello"),
            FAILED,
        ),
        (
            "a name with a space",
            ok("X A: 1\r\nContent-Length: 5\r\n", "hello"),
            FAILED,
        ),
        ("200 fields", ok(&"X-A: 1\r\n".repeat(200), "hello"), FAILED),
        (
            "a head of a megabyte",
            ok(&format!("X-A: {}\r\n", "x".repeat(1 << 20)), "hello"),
            FAILED,
        ),
        ("a body that is too short", ok("Content-Length: 100\r\n", "half"), Cut),
        ("a body that stops", ok("Content-Length: 100\r\n", "half@"), Cut),
        ("a last chunk that is missing", ok(chunked, "5\r\nhello\r\n"), Cut),
        ("a chunk that is too short", ok(chunked, "5\r\nhe"), Cut),
        ("a chunk that stops", ok(chunked, "5\r\nhe@"), Cut),
        ("a chunk size that is none", ok(chunked, "5\r\nhello\r\nxyz\r\n"), Cut),
        ("a chunk that is too long", ok(chunked, "2\r\nhello\r\n0\r\n\r\n"), Cut),
        (
            "a body where there is none",
            "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello".into(),
            Whole(204, ""),
        ),
    ]
}

/// Says what the path asks for by its number.
async fn liar() -> OddServer {
    OddServer::start(|mut stream| async move {
        let head = read_head(&mut stream).await;
        let number = head
            .split(['/', ' '])
            .nth(3)
            .and_then(|number| number.parse::<usize>().ok());
        let (_, text, _) = &lies()[number.unwrap()];
        let (said, silent) = text
            .strip_suffix('@')
            .map_or((text.as_str(), false), |said| (said, true));
        let _sent = stream.write_all(said.as_bytes()).await;
        if silent {
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
        let _closed = stream.shutdown().await;
    })
    .await
}

fn judge(seen: &Seen, replies: &[WireReply]) -> bool {
    let [reply] = replies else { return false };
    let framed = reply.all("content-length").len() + reply.all("transfer-encoding").len() <= 1;
    framed
        && match seen {
            Refused(status, code) => reply.status == *status && reply.code() == *code && reply.complete,
            Cut => reply.status == 200 && !reply.complete,
            Whole(status, body) => reply.status == *status && reply.body == *body && reply.complete,
        }
}

#[tokio::test]
async fn a_client_never_sees_a_wrong_reply_as_a_good_one() {
    let liar = liar().await;
    let world = World::with(&[
        ("EVENT_SERVICE_URL", &liar.url()),
        ("UPSTREAM_TIMEOUT_SECONDS", "3"),
        ("BREAKER_WINDOW", "1000"),
        ("BREAKER_MIN_CALLS", "1000"),
    ])
    .await;
    let wrong: Vec<String> = stream::iter(lies().into_iter().enumerate())
        .map(|(number, (name, _, seen))| {
            let address = world.gateway.address();
            async move {
                let request = format!("GET /events/{number} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
                let replies = wire::exchange(address, request.as_bytes()).await;
                let good = replies.as_ref().is_ok_and(|replies| judge(&seen, replies));
                (!good).then(|| format!("{name}: {replies:?}"))
            }
        })
        .buffer_unordered(8)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Keeps its connections and answers every request with its path, and more than it was asked for behind it.
async fn talkative() -> OddServer {
    OddServer::start(|mut stream| async move {
        loop {
            let head = read_head(&mut stream).await;
            let Some(path) = head.split(' ').nth(1) else { return };
            let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}", path.len());
            let more = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
            if stream.write_all(format!("{reply}{more}").as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await
}

#[tokio::test]
async fn what_a_service_says_unasked_is_nobodys_reply() {
    let service = talkative().await;
    let world = World::with(&[("EVENT_SERVICE_URL", &service.url())]).await;
    for number in 0..20 {
        for method in ["GET", "HEAD"] {
            let path = format!("/events/{number}");
            let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            let replies = wire::exchange(world.gateway.address(), request.as_bytes())
                .await
                .unwrap();
            let wanted = if method == "GET" { path.as_str() } else { "" };
            assert_eq!(replies.len(), 1);
            assert!(
                (replies[0].status, replies[0].body.as_str()) == (200, wanted) || replies[0].status == 502,
                "{:?}",
                replies[0]
            );
        }
    }
}

#[tokio::test]
async fn a_connection_that_was_said_to_stay_and_did_not_costs_a_read_nothing() {
    let service = OddServer::start(|mut stream| async move {
        read_head(&mut stream).await;
        let reply = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok";
        stream.write_all(reply).await.unwrap();
    })
    .await;
    let world = World::with(&[("EVENT_SERVICE_URL", &service.url())]).await;
    for _ in 0..10 {
        let replies = wire::exchange(
            world.gateway.address(),
            b"GET /events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        )
        .await
        .unwrap();
        assert_eq!((replies[0].status, replies[0].body.as_str()), (200, "ok"));
    }
}

#[tokio::test]
async fn a_connection_that_is_reset_is_502() {
    let service = OddServer::start(|mut stream| async move {
        read_head(&mut stream).await;
        // Closing on unread bytes, or with no time to linger, resets the connection.
        let _set = stream.set_zero_linger();
    })
    .await;
    let world = World::with(&[
        ("EVENT_SERVICE_URL", &service.url()),
        ("USER_SERVICE_URL", &service.url()),
    ])
    .await;
    let api = world.anybody();
    api.get("/events").await.expect_problem(502, "UPSTREAM_FAILED");
    assert_eq!(service.connections(), 3, "a read is tried again twice");
    let login = serde_json::json!({"email": "a@b.c"});
    api.post("/auth/login", &login)
        .await
        .expect_problem(502, "UPSTREAM_FAILED");
    assert_eq!(service.connections(), 4, "what may have had an effect is not");
}

#[tokio::test]
async fn all_tries_of_a_read_share_one_time_limit() {
    let service = OddServer::start(|mut stream| async move {
        read_head(&mut stream).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
    })
    .await;
    let settings = [
        ("EVENT_SERVICE_URL", &*service.url()),
        ("UPSTREAM_TIMEOUT_SECONDS", "1"),
    ];
    let world = World::with(&settings).await;
    let started = Instant::now();
    world
        .anybody()
        .get("/events")
        .await
        .expect_problem(504, "UPSTREAM_TIMEOUT");
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert!(service.connections() <= 2, "the second try has no time for a third");
}

/// A service that answers as soon as it has the head, and reads no body.
async fn hasty(reply: &'static str) -> OddServer {
    OddServer::start(move |mut stream| async move {
        read_head(&mut stream).await;
        let _sent = stream.write_all(reply.as_bytes()).await;
        // It goes on reading, so that the upload is not what ends the connection.
        let mut rest = Vec::new();
        let _read = stream.read_to_end(&mut rest).await;
    })
    .await
}

#[tokio::test]
async fn a_reply_that_comes_while_the_body_still_goes_up_is_passed_on_and_the_connection_ends() {
    let service = hasty("HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nearly").await;
    let settings = [
        ("USER_SERVICE_URL", &*service.url()),
        ("HEADER_READ_TIMEOUT_SECONDS", "3"),
    ];
    let world = World::with(&settings).await;
    let mut stream = TcpStream::connect(world.gateway.address()).await.unwrap();
    stream
        .write_all(b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\nbegin")
        .await
        .unwrap();
    let head = read_head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 401"), "{head}");
    let mut body = [0; 5];
    stream.read_exact(&mut body).await.unwrap();
    assert_eq!(&body, b"early");
    // What would come now is the rest of the body; it must not be read as a request, nor waited for without end.
    let hidden = format!("{}GET /terms HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(100));
    let _sent = stream.write_all(hidden.as_bytes()).await;
    let mut rest = Vec::new();
    let _read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest))
        .await
        .expect("the gateway closes");
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    assert_eq!(service.connections(), 1);
}
