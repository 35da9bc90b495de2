use crate::helpers::{World, read_head, reply, status_of};
use std::time::{Duration, Instant};
use test_support::eventually;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Waits until it is closed; how long after the beginning that was.
async fn closed_after(began: Instant, stream: &mut TcpStream) -> Duration {
    let mut rest = Vec::new();
    let _read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest))
        .await
        .expect("it is closed");
    began.elapsed()
}

#[tokio::test]
async fn slow_heads_and_silent_connections_are_cut() {
    let world = World::with(&[("HEADER_READ_TIMEOUT_SECONDS", "0.4"), ("IDLE_TIMEOUT_SECONDS", "30")]).await;
    let began = Instant::now();
    let mut silent = TcpStream::connect(world.gateway.address()).await.unwrap();
    let mut slow = TcpStream::connect(world.gateway.address()).await.unwrap();
    slow.write_all(b"GET /events HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    let (silent, slow) = tokio::join!(closed_after(began, &mut silent), closed_after(began, &mut slow));
    for elapsed in [silent, slow] {
        assert!(elapsed > Duration::from_millis(300), "{elapsed:?}");
    }
}

#[tokio::test]
async fn a_head_that_drips_is_cut_all_the_same() {
    let world = World::with(&[("HEADER_READ_TIMEOUT_SECONDS", "0.5")]).await;
    let mut stream = TcpStream::connect(world.gateway.address()).await.unwrap();
    let started = Instant::now();
    stream.write_all(b"GET /events HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    while stream.write_all(b"X-A: 1\r\n").await.is_ok() {
        assert!(started.elapsed() < Duration::from_secs(20), "every drip prolongs it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_connection_that_served_may_idle_longer_but_not_for_ever() {
    let world = World::with(&[("HEADER_READ_TIMEOUT_SECONDS", "0.7"), ("IDLE_TIMEOUT_SECONDS", "3")]).await;
    world.upstream.answer_with(|_| reply(204, &[], ""));
    let mut stream = TcpStream::connect(world.gateway.address()).await.unwrap();
    let started = Instant::now();
    for pause in [Duration::from_millis(900), Duration::ZERO] {
        stream
            .write_all(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        assert_eq!(status_of(&read_head(&mut stream).await), 204);
        tokio::time::sleep(pause).await;
    }
    let elapsed = closed_after(started, &mut stream).await;
    assert!(elapsed > Duration::from_millis(3800), "{elapsed:?}");
}

#[tokio::test]
async fn the_second_head_of_a_connection_has_its_limit_too() {
    let world = World::with(&[("HEADER_READ_TIMEOUT_SECONDS", "0.7"), ("IDLE_TIMEOUT_SECONDS", "60")]).await;
    let mut stream = TcpStream::connect(world.gateway.address()).await.unwrap();
    stream
        .write_all(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    read_head(&mut stream).await;
    stream.write_all(b"GET /eve").await.unwrap();
    closed_after(Instant::now(), &mut stream).await;
}

#[tokio::test]
async fn an_oversized_head_is_refused() {
    let world = World::new().await;
    let got = world
        .raw_get("/events", &format!("X-Big: {}\r\n", "x".repeat(40_000)))
        .await;
    assert_eq!(status_of(&got), 431, "{got}");
    assert!(world.upstream.requests().is_empty());
}

#[tokio::test]
async fn differing_lengths_and_unknown_encodings_are_refused() {
    let world = World::new().await;
    for head in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 5, 6\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "X-A: 1\r\n folded\r\n",
        "X A: 1\r\n",
    ] {
        let got = world
            .raw(format!("POST /auth/login HTTP/1.1\r\nHost: x\r\n{head}\r\nhello"))
            .await;
        assert_eq!(status_of(&got), 400, "{head}: {got}");
    }
    assert!(world.upstream.requests().is_empty());
}

#[tokio::test]
async fn a_head_that_two_servers_might_read_differently_is_refused() {
    let world = World::new().await;
    for (form, request) in [
        (
            "length and chunked",
            "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "chunked and length",
            "POST /auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        ),
        (
            "equal lengths",
            "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        ),
        (
            "chunked twice",
            "POST /auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        ("bare LF in a field", "GET /events HTTP/1.1\r\nHost: x\nX-A: 1\r\n\r\n"),
        (
            "bare LF behind the request line",
            "GET /events HTTP/1.1\nHost: x\r\n\r\n",
        ),
        ("bare LF at the end", "GET /events HTTP/1.1\r\nHost: x\r\n\n"),
        ("bare CR", "GET /events HTTP/1.1\r\nHost: x\r\nX-A: 1\r2\r\n\r\n"),
    ] {
        let got = world.raw(request).await;
        assert_eq!(status_of(&got), 400, "{form}: {got}");
    }
    assert!(world.upstream.requests().is_empty());
}

#[tokio::test]
async fn behind_a_good_request_an_ambiguous_one_is_refused_and_nothing_after_it_read() {
    let world = World::new().await;
    world.upstream.answer_with(|_| reply(200, &[], "first"));
    let got = world
        .raw("GET /events HTTP/1.1\r\nHost: x\r\n\r\nGET /venues HTTP/1.1\nHost: x\r\n\r\nGET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    assert_eq!(got.matches("HTTP/1.1 200").count(), 1, "{got}");
    assert_eq!(got.matches("HTTP/1.1 400").count(), 1, "{got}");
    assert_eq!(world.upstream.requests().len(), 1);
}

#[tokio::test]
async fn behind_a_chunked_request_nothing_is_read() {
    let world = World::new().await;
    world.upstream.answer_with(|_| reply(200, &[], "first"));
    let got = world
        .raw("POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nGET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    assert_eq!(got.matches("HTTP/1.1 200").count(), 1, "{got}");
    assert!(got.to_lowercase().contains("connection: close"), "{got}");
}

#[tokio::test]
async fn a_request_has_exactly_one_host() {
    let world = World::new().await;
    for hosts in ["", "Host: a\r\nHost: b\r\n"] {
        let got = world
            .raw(format!("GET /events HTTP/1.1\r\nConnection: close\r\n{hosts}\r\n"))
            .await;
        assert_eq!(status_of(&got), 400, "{hosts}: {got}");
    }
    assert_eq!(status_of(&world.raw("GET /events HTTP/1.0\r\n\r\n").await), 200);
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_a_place() {
    let world = World::with(&[("MAX_CONNECTIONS", "1"), ("HEADER_READ_TIMEOUT_SECONDS", "0.5")]).await;
    let started = Instant::now();
    let _first = TcpStream::connect(world.gateway.address()).await.unwrap();
    let got = world.raw_get("/events", "").await;
    assert_eq!(status_of(&got), 200);
    assert!(
        started.elapsed() > Duration::from_millis(400),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_running_request_is_finished_at_shutdown_and_no_new_one_taken() {
    let world = World::new().await;
    world.upstream.answer_with(|_| {
        std::thread::sleep(Duration::from_millis(400));
        reply(200, &[], "done")
    });
    let address = world.gateway.address();
    let running = crate::helpers::raw(address, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    let stopping = async {
        eventually("the request is under way", Duration::from_secs(20), || async {
            (!world.upstream.requests().is_empty()).then_some(())
        })
        .await;
        world.gateway.stop().await;
    };
    let (got, ()) = tokio::join!(running, stopping);
    assert!(got.ends_with("done"), "{got}");
    assert!(TcpStream::connect(address).await.is_err());
}
