use crate::helpers::{MustBe, OddServer, World, read_head, reply};
use axum::body::Body;
use futures_util::{StreamExt, stream};
use serde_json::json;
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Semaphore,
};

#[tokio::test]
async fn a_request_reaches_its_service_as_it_was_meant() {
    let world = World::new().await;
    let buyer = world.somebody();
    let api = buyer
        .api
        .with_header("x-queue-ticket", "ticket")
        .with_header("idempotency-key", "key-1")
        .with_header("if-match", "\"7\"")
        .with_header("accept-language", "ko");
    api.put("/reservations/hold/1?x=a%20b", &json!({"seatIds": ["1"]}))
        .await
        .must_be(200);
    let got = world.upstream.only();
    assert_eq!(
        (got.method.as_str(), got.target.as_str()),
        ("PUT", "/reservations/hold/1?x=a%20b")
    );
    assert_eq!(got.body, br#"{"seatIds":["1"]}"#);
    for (name, value) in [
        ("x-queue-ticket", "ticket"),
        ("idempotency-key", "key-1"),
        ("if-match", "\"7\""),
        ("accept-language", "ko"),
    ] {
        assert_eq!(got.header(name), Some(value), "{name}");
    }
    let host = world.upstream.url();
    assert_eq!(got.header("host"), host.strip_prefix("http://"));
}

#[tokio::test]
async fn a_sane_request_id_is_kept_and_another_replaced() {
    let world = World::new().await;
    let got = world
        .anybody()
        .with_header("x-request-id", "click-42")
        .get("/events")
        .await;
    assert_eq!(got.header("x-request-id"), Some("click-42"));
    assert_eq!(world.upstream.only().header("x-request-id"), Some("click-42"));

    for bad in ["has blank", &"x".repeat(129), "a;b"] {
        let got = world.anybody().with_header("x-request-id", bad).get("/users/me").await;
        let id = got.header("x-request-id").unwrap().to_owned();
        assert_ne!(id, bad);
        let problem = got.expect_problem(401, "UNAUTHENTICATED");
        assert_eq!(
            problem["requestId"],
            id.as_str(),
            "the reply names the id that stands in the log"
        );
    }
}

#[tokio::test]
async fn a_trace_goes_on_under_a_span_of_ours() {
    let world = World::new().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    world
        .anybody()
        .with_header("traceparent", trace)
        .get("/events")
        .await
        .must_be(200);
    let got = world.upstream.only().header("traceparent").unwrap().to_owned();
    assert!(
        got.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && got != trace,
        "{got}"
    );
}

#[tokio::test]
async fn every_reply_carries_the_security_headers() {
    let world = World::new().await;
    world.upstream.answer_with(|_| {
        reply(
            200,
            &[("x-frame-options", "ALLOW"), ("x-user-id", "1"), ("keep-alive", "1")],
            "{}",
        )
    });
    for path in ["/events", "/nowhere", "/config"] {
        let got = world.anybody().get(path).await;
        assert!(
            got.header("strict-transport-security").unwrap().starts_with("max-age="),
            "{path}"
        );
        assert_eq!(got.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(got.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(got.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert!(
            got.header("content-security-policy")
                .unwrap()
                .contains("default-src 'none'"),
            "{path}"
        );
        assert_eq!(
            (got.header("x-user-id"), got.header("keep-alive")),
            (None, None),
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_was_meant_for_one_user_is_kept_out_of_caches() {
    let world = World::new().await;
    let got = world.somebody().api.get("/users/me").await;
    assert_eq!(got.header("cache-control"), Some("no-store"));
    world
        .upstream
        .answer_with(|_| reply(200, &[("cache-control", "private, max-age=1")], "{}"));
    let got = world.somebody().api.get("/users/me").await;
    assert_eq!(got.header("cache-control"), Some("private, max-age=1"));
}

#[tokio::test]
async fn a_reply_streams_through_as_it_comes_and_may_outlast_the_time_limit() {
    let world = World::with(&[("UPSTREAM_TIMEOUT_SECONDS", "1")]).await;
    // The other events are sent when the first one has been read.
    let read = Arc::new(Semaphore::new(0));
    let others = Arc::clone(&read);
    world.upstream.answer_with(move |_| {
        let others = Arc::clone(&others);
        let events = stream::iter(0..4).then(move |number| {
            let others = Arc::clone(&others);
            async move {
                if number > 0 {
                    others.acquire().await.unwrap().forget();
                    tokio::time::sleep(Duration::from_millis(400)).await;
                }
                Ok::<_, Infallible>(format!("event: position\ndata: {number}\n\n"))
            }
        });
        reply(200, &[("content-type", "text/event-stream")], Body::from_stream(events))
    });
    let token = world.somebody().token;
    let mut stream = tokio::net::TcpStream::connect(world.gateway.address()).await.unwrap();
    let head =
        format!("GET /queue/stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let head = read_head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let mut first = [0; 64];
    let length = stream.read(&mut first).await.unwrap();
    assert!(String::from_utf8_lossy(&first[..length]).contains("data: 0"));
    read.add_permits(3);
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("data: 3") && rest.ends_with("0\r\n\r\n"), "{rest}");
}

#[tokio::test]
async fn an_upload_streams_through_as_it_comes() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let service = OddServer::start(move |mut stream| {
        let tell = tell.clone();
        async move {
            read_head(&mut stream).await;
            let mut part = [0; 4];
            stream.read_exact(&mut part).await.unwrap();
            tell.send(()).unwrap();
            stream.read_exact(&mut part).await.unwrap();
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        }
    })
    .await;
    let world = World::with(&[("USER_SERVICE_URL", &service.url())]).await;
    let mut stream = tokio::net::TcpStream::connect(world.gateway.address()).await.unwrap();
    stream
        .write_all(b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nhalf")
        .await
        .unwrap();
    told.recv()
        .await
        .expect("the first half arrives before the second is sent");
    stream.write_all(b"half").await.unwrap();
    let head = read_head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 204"), "{head}");
}
