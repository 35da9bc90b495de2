use crate::helpers::{MustBe, OddServer, World, read_head, reply, status_of};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

const NOWHERE: (&str, &str) = ("EVENT_SERVICE_URL", "http://127.0.0.1:1");

#[tokio::test]
async fn a_service_that_is_down_is_502_and_the_others_go_on() {
    let world = World::with(&[NOWHERE]).await;
    let problem = world
        .anybody()
        .get("/events")
        .await
        .expect_problem(502, "UPSTREAM_FAILED");
    assert!(
        problem.get("detail").is_none(),
        "the client learns nothing of the cause: {problem}"
    );
    world.anybody().get("/terms").await.must_be(200);
}

#[tokio::test]
async fn a_service_that_is_silent_is_504() {
    let silent = OddServer::start(|mut stream| async move {
        read_head(&mut stream).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
    })
    .await;
    let world = World::with(&[
        ("EVENT_SERVICE_URL", &silent.url()),
        ("UPSTREAM_TIMEOUT_SECONDS", "0.3"),
    ])
    .await;
    let started = Instant::now();
    world
        .anybody()
        .get("/events")
        .await
        .expect_problem(504, "UPSTREAM_TIMEOUT");
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(
        silent.connections(),
        1,
        "a time-out is not tried again: its time is over"
    );
}

#[tokio::test]
async fn payments_have_more_time() {
    let world = World::with(&[("UPSTREAM_TIMEOUT_SECONDS", "0.2"), ("PAYMENT_TIMEOUT_SECONDS", "5")]).await;
    world.upstream.answer_with(|_| {
        std::thread::sleep(Duration::from_millis(500));
        reply(200, &[], "{}")
    });
    world.somebody().api.get("/payments").await.must_be(200);
}

#[tokio::test]
async fn the_breaker_opens_and_tells_when_to_come_back() {
    let settings = [
        NOWHERE,
        ("BREAKER_WINDOW", "4"),
        ("BREAKER_MIN_CALLS", "4"),
        ("BREAKER_OPEN_SECONDS", "20"),
        ("UPSTREAM_RETRIES", "0"),
    ];
    let world = World::with(&settings).await;
    for _ in 0..4 {
        world
            .anybody()
            .get("/events")
            .await
            .expect_problem(502, "UPSTREAM_FAILED");
    }
    let got = world.anybody().get("/events").await;
    let wait: u64 = got.header("retry-after").unwrap().parse().unwrap();
    assert!((10..=20).contains(&wait), "{wait}");
    got.expect_problem(503, "SERVICE_UNAVAILABLE");
    world.anybody().get("/terms").await.must_be(200);
}

#[tokio::test]
async fn the_breaker_recovers_through_a_probe() {
    let settings = [
        ("BREAKER_WINDOW", "2"),
        ("BREAKER_MIN_CALLS", "2"),
        ("BREAKER_OPEN_SECONDS", "1.5"),
        ("BREAKER_PROBES", "1"),
    ];
    let world = World::with(&settings).await;
    world.upstream.answer_with(|_| reply(500, &[], "{}"));
    for _ in 0..2 {
        world.anybody().get("/events").await.must_be(500);
    }
    world
        .anybody()
        .get("/events")
        .await
        .expect_problem(503, "SERVICE_UNAVAILABLE");
    world.upstream.answer_with(|_| reply(200, &[], "{}"));
    tokio::time::sleep(Duration::from_millis(1600)).await;
    for _ in 0..3 {
        world.anybody().get("/events").await.must_be(200);
    }
}

#[tokio::test]
async fn refusals_of_a_service_do_not_open_the_breaker() {
    let world = World::with(&[("BREAKER_WINDOW", "2"), ("BREAKER_MIN_CALLS", "2")]).await;
    for (status, headers) in [
        (404, vec![]),
        (409, vec![]),
        (429, vec![]),
        (503, vec![("retry-after", "1")]),
    ] {
        world.upstream.answer_with(move |_| reply(status, &headers, "{}"));
        for _ in 0..3 {
            world.anybody().get("/events").await.must_be(status);
        }
    }
}

/// Closes the first connections without a word, then answers.
async fn flaky(failures: usize) -> OddServer {
    let seen = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    OddServer::start(move |mut stream| {
        let number = seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async move {
            read_head(&mut stream).await;
            if number >= failures {
                let _sent = stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
                    .await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn reads_are_tried_again_at_most_twice() {
    let service = flaky(2).await;
    let world = World::with(&[("EVENT_SERVICE_URL", &service.url())]).await;
    world.anybody().get("/events").await.must_be(200);
    assert_eq!(service.connections(), 3);

    let service = flaky(3).await;
    let world = World::with(&[("EVENT_SERVICE_URL", &service.url())]).await;
    world
        .anybody()
        .get("/events")
        .await
        .expect_problem(502, "UPSTREAM_FAILED");
    assert_eq!(service.connections(), 3);
}

#[tokio::test]
async fn what_may_have_had_an_effect_is_not_tried_again() {
    for (method, path) in [
        ("POST", "/auth/login"),
        ("PUT", "/users/me/password"),
        ("PUT", "/users/me"),
    ] {
        let service = flaky(1).await;
        let world = World::with(&[("USER_SERVICE_URL", &service.url())]).await;
        let method = method.parse().unwrap();
        world
            .somebody()
            .api
            .call(method, path, Some(&json!({"a": 1})))
            .await
            .expect_problem(502, "UPSTREAM_FAILED");
        assert_eq!(service.connections(), 1, "{path}");
    }
    let service = flaky(1).await;
    let world = World::with(&[("USER_SERVICE_URL", &service.url())]).await;
    world
        .somebody()
        .api
        .call("PUT".parse().unwrap(), "/users/me/password", None)
        .await
        .must_be(502);
    assert_eq!(service.connections(), 1, "an empty one neither");
}

#[tokio::test]
async fn a_deletion_without_a_body_is_tried_again() {
    let service = flaky(1).await;
    let world = World::with(&[("RESERVATION_SERVICE_URL", &service.url())]).await;
    world.somebody().api.delete("/reservations/1").await.must_be(200);
    assert_eq!(service.connections(), 2);
}

#[tokio::test]
async fn a_reply_that_breaks_off_is_seen_to_be_broken_and_not_repeated() {
    let service = OddServer::start(|mut stream| async move {
        read_head(&mut stream).await;
        let _sent = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            .await;
    })
    .await;
    let world = World::with(&[("EVENT_SERVICE_URL", &service.url())]).await;
    let got = world.raw_get("/events", "").await;
    assert_eq!(status_of(&got), 200);
    assert!(
        got.to_lowercase().contains("content-length: 100") && got.ends_with("half"),
        "{got}"
    );
    assert_eq!(service.connections(), 1);
}

#[tokio::test]
async fn a_reply_that_falls_silent_is_cut() {
    let service = OddServer::start(|mut stream| async move {
        read_head(&mut stream).await;
        let _sent = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            .await;
        tokio::time::sleep(Duration::from_secs(30)).await;
    })
    .await;
    let world = World::with(&[
        ("EVENT_SERVICE_URL", &service.url()),
        ("UPSTREAM_TIMEOUT_SECONDS", "0.3"),
    ])
    .await;
    let started = Instant::now();
    let got = world.raw_get("/events", "").await;
    assert!(
        got.ends_with("half") && started.elapsed() < Duration::from_secs(20),
        "{got}"
    );
}

#[tokio::test]
async fn a_reply_that_is_no_http_is_502() {
    let service = OddServer::start(|mut stream| async move {
        read_head(&mut stream).await;
        let _sent = stream.write_all(b"SSH-2.0-x\r\n\r\n").await;
    })
    .await;
    let world = World::with(&[("EVENT_SERVICE_URL", &service.url()), ("UPSTREAM_RETRIES", "0")]).await;
    world
        .anybody()
        .get("/events")
        .await
        .expect_problem(502, "UPSTREAM_FAILED");
}
