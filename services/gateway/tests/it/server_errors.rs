//! A 5xx says nothing of its cause: it passes if it is one of our problems, and is replaced by one otherwise.

use crate::helpers::{MustBe, OddServer, World, read_head, reply};
use axum::body::Body;
use common::problem::{Code, Problem};
use futures_util::{StreamExt, stream};
use std::{convert::Infallible, time::Duration};
use tokio::io::AsyncWriteExt;

const TRACE: &str = "thread 'main' panicked at src/db.rs:17: password authentication failed for postgres";
const PROBLEM: &str = "application/problem+json";

#[tokio::test]
async fn what_is_no_problem_of_ours_is_replaced_by_one() {
    let world = World::with(&[("BREAKER_MIN_CALLS", "1000"), ("BREAKER_WINDOW", "1000")]).await;
    let trace_as_detail = format!(r#"{{"status":500,"detail":"{TRACE}"}}"#);
    let foreign_code = format!(r#"{{"status":500,"code":"ORA-00600","detail":"{TRACE}"}}"#);
    let other_status = format!(r#"{{"status":404,"code":"NOT_FOUND","detail":"{TRACE}"}}"#);
    let code_of_another = format!(r#"{{"status":500,"code":"NOT_FOUND","detail":"{TRACE}"}}"#);
    let too_long = format!(
        r#"{{"status":500,"code":"INTERNAL","detail":"{}"}}"#,
        TRACE.repeat(1000)
    );
    for (status, content_type, body, seen, code) in [
        (500, "text/plain", TRACE, 500, "INTERNAL"),
        (500, "text/html", "<h1>panicked at src/db.rs</h1>", 500, "INTERNAL"),
        (500, "application/json", &trace_as_detail, 500, "INTERNAL"),
        (500, PROBLEM, TRACE, 500, "INTERNAL"),
        (500, PROBLEM, &trace_as_detail, 500, "INTERNAL"),
        (500, PROBLEM, &foreign_code, 500, "INTERNAL"),
        (500, PROBLEM, &other_status, 500, "INTERNAL"),
        (500, PROBLEM, &code_of_another, 500, "INTERNAL"),
        (500, PROBLEM, &too_long, 500, "INTERNAL"),
        (500, PROBLEM, "", 500, "INTERNAL"),
        (501, "text/plain", TRACE, 500, "INTERNAL"),
        (502, "text/html", TRACE, 502, "UPSTREAM_FAILED"),
        (503, "text/html", TRACE, 503, "SERVICE_UNAVAILABLE"),
        (504, "text/html", TRACE, 504, "UPSTREAM_TIMEOUT"),
        (505, "text/plain", TRACE, 500, "INTERNAL"),
        (511, "text/html", TRACE, 500, "INTERNAL"),
        (599, "text/plain", TRACE, 500, "INTERNAL"),
    ] {
        let text = body.to_owned();
        world.upstream.answer_with(move |_| {
            let headers = [
                ("content-type", content_type),
                ("x-debug", "src/db.rs"),
                ("set-cookie", "a=b"),
            ];
            reply(status, &headers, text.clone())
        });
        let got = world
            .somebody()
            .api
            .with_header("x-request-id", "click-1")
            .get("/users/me")
            .await;
        let shown = got.body.to_string();
        assert!(!shown.contains("src/db.rs"), "{status} {content_type}: {shown}");
        assert_eq!((got.header("x-debug"), got.header("set-cookie")), (None, None));
        assert_eq!(got.header("cache-control"), Some("no-store"));
        let problem = got.expect_problem(seen, code);
        assert_eq!(problem["requestId"], "click-1");
        assert_eq!(problem.get("detail"), None, "{problem}");
    }
}

#[tokio::test]
async fn our_own_problems_pass_as_they_are() {
    let world = World::new().await;
    for problem in [
        Problem::new(Code::Internal),
        Problem::new(Code::UpstreamFailed),
        Problem::new(Code::ServiceUnavailable).member("charged", false),
        Problem::new(Code::ServiceUnavailable).retry_after(Duration::from_secs(77)),
        Problem::new(Code::UpstreamTimeout),
    ] {
        let sent = problem.clone();
        world
            .upstream
            .answer_with(move |_| axum::response::IntoResponse::into_response(sent.clone()));
        let direct = axum::response::IntoResponse::into_response(problem.clone());
        let (status, wait) = (direct.status(), direct.headers().get("retry-after").cloned());
        let expected = axum::body::to_bytes(direct.into_body(), usize::MAX).await.unwrap();
        let expected: serde_json::Value = serde_json::from_slice(&expected).unwrap();
        let got = world.anybody().get("/events").await;
        assert_eq!(
            got.header("retry-after"),
            wait.as_ref().map(|wait| wait.to_str().unwrap())
        );
        let seen = got.expect_problem(status.as_u16(), problem.code().as_str());
        for member in ["type", "title", "status", "detail", "code", "charged"] {
            assert_eq!(seen.get(member), expected.get(member), "{member}");
        }
    }
}

#[tokio::test]
async fn when_to_come_back_is_told_all_the_same() {
    let world = World::new().await;
    for (wait, seen) in [
        ("77", "77"),
        ("Mon, 23 Nov 2026 00:00:00 GMT", "5"),
        ("soon", "5"),
        ("-1", "5"),
    ] {
        world
            .upstream
            .answer_with(move |_| reply(503, &[("retry-after", wait)], TRACE));
        let got = world.anybody().get("/events").await;
        assert_eq!(got.header("retry-after"), Some(seen), "{wait}");
        got.expect_problem(503, "SERVICE_UNAVAILABLE");
    }
}

#[tokio::test]
async fn nobody_waits_for_a_cause_without_an_end() {
    let world = World::with(&[("UPSTREAM_TIMEOUT_SECONDS", "0.5")]).await;
    for content_type in [PROBLEM, "text/plain"] {
        world.upstream.answer_with(move |_| {
            let endless = stream::once(async { Ok::<_, Infallible>("{\"status\":500,") }).chain(stream::pending());
            reply(500, &[("content-type", content_type)], Body::from_stream(endless))
        });
        world.anybody().get("/events").await.expect_problem(500, "INTERNAL");
        world
            .somebody()
            .api
            .get("/queue/stream")
            .await
            .expect_problem(500, "INTERNAL");
    }
}

#[tokio::test]
async fn one_that_breaks_off_is_replaced_too_and_head_requests_as_well() {
    let service = OddServer::start(|mut stream| async move {
        while !read_head(&mut stream).await.is_empty() {
            let text = "HTTP/1.1 500 Oops\r\nContent-Type: application/problem+json\r\nContent-Length: 100\r\n\r\n{";
            let _sent = stream.write_all(text.as_bytes()).await;
            let _closed = stream.shutdown().await;
        }
    })
    .await;
    let world = World::with(&[("EVENT_SERVICE_URL", &service.url())]).await;
    world.anybody().get("/events").await.expect_problem(500, "INTERNAL");
    world
        .anybody()
        .send(http::Method::HEAD, "/events", None)
        .await
        .must_be(500);
}

#[tokio::test]
async fn other_statuses_pass_whatever_they_say() {
    let world = World::new().await;
    for status in [200, 400, 404, 409, 418, 499] {
        world
            .upstream
            .answer_with(move |_| reply(status, &[("content-type", "text/plain")], TRACE));
        let got = world.anybody().get("/events").await;
        assert_eq!(got.body, TRACE);
        got.must_be(status);
    }
}
