use crate::{
    helpers::{MustBe, OddServer, World, read_head, reply, status_of},
    wire,
};
use axum::body::{Body, Bytes};
use futures_util::stream;
use http::Method;
use std::{convert::Infallible, fmt::Write, time::Duration};
use test_support::eventually;
use tokio::{io::AsyncWriteExt, net::TcpStream};

fn post(path: &str, headers: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n{headers}\r\n{body}"
    )
}

fn chunked(size: usize) -> String {
    let mut body = String::new();
    let chunk = "x".repeat(8 * 1024);
    for _ in 0..size / chunk.len() {
        write!(body, "{:x}\r\n{chunk}\r\n", chunk.len()).unwrap();
    }
    body + "0\r\n\r\n"
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_by_its_announced_length() {
    let world = World::new().await;
    let body = "x".repeat(64 * 1024 + 1);
    let got = world
        .raw(post(
            "/auth/login",
            &format!("Content-Length: {}\r\n", body.len()),
            &body,
        ))
        .await;
    assert_eq!(status_of(&got), 413, "{got}");
    assert!(got.contains("PAYLOAD_TOO_LARGE"));
    assert!(world.upstream.requests().is_empty());

    let body = "x".repeat(64 * 1024);
    let got = world
        .raw(post(
            "/auth/login",
            &format!("Content-Length: {}\r\n", body.len()),
            &body,
        ))
        .await;
    assert_eq!(status_of(&got), 200, "{got}");
    assert_eq!(world.upstream.only().body.len(), body.len());
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_by_what_is_counted() {
    let world = World::new().await;
    let got = world
        .raw(post(
            "/auth/login",
            "Transfer-Encoding: chunked\r\n",
            &chunked(256 * 1024),
        ))
        .await;
    assert_eq!(status_of(&got), 413, "{got}");
    let got = world
        .raw(post(
            "/auth/login",
            "Transfer-Encoding: chunked\r\n",
            &chunked(32 * 1024),
        ))
        .await;
    assert_eq!(status_of(&got), 200, "{got}");
}

#[tokio::test]
async fn only_posters_may_be_larger() {
    let world = World::new().await;
    let admin = world.admin().api;
    let poster = vec![7_u8; 5 * 1024 * 1024];
    admin
        .send(Method::PUT, "/events/1/poster", Some(("image/png", poster.clone())))
        .await
        .must_be(200);
    assert_eq!(world.upstream.only().body, poster);
    let larger = vec![7_u8; 5 * 1024 * 1024 + 1];
    admin
        .send(Method::PUT, "/events/1/poster", Some(("image/png", larger)))
        .await
        .expect_problem(413, "PAYLOAD_TOO_LARGE");
}

#[tokio::test]
async fn a_webhook_arrives_untouched() {
    let world = World::new().await;
    let body = "{\"type\":\"Transaction.Paid\",  \"data\":{\"a\":\"\u{d55c}\"}}\n";
    let hook = world
        .anybody()
        .with_header("webhook-id", "msg_1")
        .with_header("webhook-timestamp", "1700000000")
        .with_header("webhook-signature", "v1,abc=");
    hook.send(
        Method::POST,
        "/payments/webhook/portone",
        Some(("application/json", body.into())),
    )
    .await
    .must_be(200);
    let got = world.upstream.only();
    assert_eq!(got.body, body.as_bytes());
    assert_eq!(got.header("webhook-id"), Some("msg_1"));
    assert_eq!(got.header("webhook-timestamp"), Some("1700000000"));
    assert_eq!(got.header("webhook-signature"), Some("v1,abc="));
    assert_eq!(got.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn large_replies_and_those_without_a_body_pass() {
    let world = World::new().await;
    let seats = "s".repeat(3 * 1024 * 1024);
    let expected = seats.clone();
    world.upstream.answer_with(move |_| {
        reply(
            200,
            &[("content-type", "text/plain"), ("etag", "\"v1\"")],
            seats.clone(),
        )
    });
    let got = world.somebody().api.get("/events/1/seats").await;
    assert_eq!(got.header("etag"), Some("\"v1\""));
    assert_eq!(got.header("cache-control"), Some("private, no-cache"));
    assert_eq!(got.body, expected);

    world.upstream.answer_with(|_| reply(304, &[("etag", "\"v1\"")], ""));
    world
        .somebody()
        .api
        .with_header("if-none-match", "\"v1\"")
        .get("/events/1/seats")
        .await
        .must_be(304);
    world.upstream.answer_with(|_| reply(204, &[], ""));
    world.somebody().api.delete("/queue/leave").await.must_be(204);
    let head = world
        .raw("HEAD /events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(status_of(&head), 204);
}

#[tokio::test]
async fn a_body_that_stops_halfway_is_the_clients_fault_and_not_the_services() {
    let settings = [
        ("UPSTREAM_TIMEOUT_SECONDS", "0.3"),
        ("BREAKER_MIN_CALLS", "1"),
        ("BREAKER_WINDOW", "1"),
    ];
    let world = World::with(&settings).await;
    let got = world.raw(post("/auth/login", "Content-Length: 100\r\n", "half")).await;
    assert_eq!(status_of(&got), 400, "{got}");
    assert!(got.contains("MALFORMED_REQUEST"), "{got}");
    world.anybody().get("/terms").await.must_be(200);
}

#[tokio::test]
async fn large_texts_are_compressed_for_who_takes_that() {
    let world = World::new().await;
    let text = "seat ".repeat(2000);
    let full = text.clone();
    world.upstream.answer_with(move |got| {
        assert!(
            got.header("accept-encoding").is_some(),
            "a service may compress by itself"
        );
        reply(
            200,
            &[("content-type", "application/json; charset=utf-8"), ("etag", "\"v1\"")],
            text.clone(),
        )
    });
    for (accepted, chosen) in [("gzip", "gzip"), ("gzip, br", "br"), ("br;q=0, gzip", "gzip")] {
        let got = world
            .raw_get("/events", &format!("Accept-Encoding: {accepted}\r\n"))
            .await
            .to_lowercase();
        assert!(
            got.contains(&format!("\r\ncontent-encoding: {chosen}\r\n")),
            "{accepted}: {got}"
        );
        assert!(
            got.contains("\r\nvary: accept-encoding\r\n") && got.contains("\r\netag: \"v1\"\r\n"),
            "{got}"
        );
        assert!(got.len() < full.len() / 4, "{accepted}");
    }
    for accepted in ["identity", "zstd", "gzip;q=0"] {
        let got = world
            .raw_get("/events", &format!("Accept-Encoding: {accepted}\r\n"))
            .await;
        assert!(!got.contains("content-encoding") && got.ends_with(&full), "{accepted}");
    }
}

#[tokio::test]
async fn what_a_service_has_compressed_is_passed_on_as_it_is() {
    let world = World::new().await;
    world.upstream.answer_with(|_| {
        let headers = [
            ("content-type", "application/json"),
            ("content-encoding", "gzip"),
            ("vary", "accept-encoding"),
        ];
        reply(200, &headers, "x".repeat(5000))
    });
    for accepted in ["gzip", "br", "gzip, br"] {
        let got = world
            .raw_get("/events", &format!("Accept-Encoding: {accepted}\r\n"))
            .await;
        let encodings = got.to_lowercase().matches("content-encoding: gzip\r\n").count();
        assert!(encodings == 1 && got.ends_with(&"x".repeat(5000)), "{accepted}: {got}");
    }
}

#[tokio::test]
async fn small_replies_and_pictures_are_left_as_they_are() {
    let world = World::new().await;
    for (content_type, size) in [
        ("application/json", 1024),
        ("image/png", 5000),
        ("text/event-stream", 5000),
    ] {
        world
            .upstream
            .answer_with(move |_| reply(200, &[("content-type", content_type)], "x".repeat(size)));
        let got = world.raw_get("/events", "Accept-Encoding: gzip\r\n").await;
        assert!(!got.contains("content-encoding"), "{content_type}: {got}");
    }
}

#[tokio::test]
async fn parts_of_all_sizes_arrive_as_one() {
    let world = World::new().await;
    let sizes = [1, 8 * 1024, 8 * 1024 + 1, 3, 300_000, 16, 2 * 1024 * 1024, 1];
    let parts: Vec<Bytes> = (b'a'..)
        .zip(sizes)
        .map(|(byte, size)| vec![byte; size].into())
        .collect();
    let whole = parts.concat();
    world.upstream.answer_with(move |_| {
        let parts = parts.clone().into_iter().map(Ok::<_, Infallible>);
        reply(
            200,
            &[("content-type", "image/png")],
            Body::from_stream(stream::iter(parts)),
        )
    });
    let request = "GET /events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let got = wire::exchange(world.gateway.address(), request.as_bytes())
        .await
        .unwrap();
    let [got] = got.as_slice() else {
        panic!("{} replies", got.len())
    };
    assert_eq!(got.header("transfer-encoding"), "chunked");
    assert!(
        got.complete && got.body.as_bytes() == whole,
        "{} of {} bytes",
        got.body.len(),
        whole.len()
    );
    // Who knows no chunks sees the end of the connection.
    let got = world.raw("GET /events HTTP/1.0\r\n\r\n").await;
    let (head, body) = got.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains("connection: close") && !head.contains("transfer-encoding"),
        "{head}"
    );
    assert!(body.as_bytes() == whole, "{} of {} bytes", body.len(), whole.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_works_on_for_a_client_that_has_left() {
    let service = OddServer::start(|mut stream| async move {
        read_head(&mut stream).await;
        // Says nothing until it is let go.
        let _let_go = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut Vec::new()).await;
    })
    .await;
    let world = World::with(&[
        ("EVENT_SERVICE_URL", &service.url()),
        ("USER_SERVICE_URL", &service.url()),
    ])
    .await;
    for request in [
        "GET /events HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    ] {
        let mut client = TcpStream::connect(world.gateway.address()).await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        let limit = Duration::from_secs(10);
        eventually(&format!("the service is asked: {request}"), limit, || async {
            (service.open() == 1).then_some(())
        })
        .await;
        drop(client);
        eventually(&format!("the service is let go: {request}"), limit, || async {
            (service.open() == 0).then_some(())
        })
        .await;
    }
}
