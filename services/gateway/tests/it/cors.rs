use crate::helpers::{MustBe, World, status_of};

const OURS: &str = "http://localhost:3000";

fn preflight(path: &str, origin: &str) -> String {
    format!(
        "OPTIONS {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nOrigin: {origin}\r\n\
         Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization,x-queue-token\r\n\r\n"
    )
}

#[tokio::test]
async fn a_preflight_of_our_front_end_is_answered_here() {
    let world = World::new().await;
    for origin in [OURS, "https://ticketing.vercel.app"] {
        let reply = world.raw(preflight("/reservations/hold", origin)).await.to_lowercase();
        assert_eq!(status_of(&reply), 204, "{reply}");
        assert!(
            reply.contains(&format!("\r\naccess-control-allow-origin: {origin}\r\n")),
            "{reply}"
        );
        assert!(
            reply.contains("\r\naccess-control-allow-credentials: true\r\n"),
            "{reply}"
        );
        for header in [
            "authorization",
            "x-queue-token",
            "x-queue-ticket",
            "idempotency-key",
            "if-match",
            "traceparent",
        ] {
            assert!(
                reply
                    .split("access-control-allow-headers:")
                    .nth(1)
                    .unwrap()
                    .contains(header),
                "{header}: {reply}"
            );
        }
        assert!(reply.contains("get, post, put, delete, options"), "{reply}");
        assert!(reply.contains("access-control-max-age: 600"), "{reply}");
    }
    assert!(world.upstream.requests().is_empty());
}

#[tokio::test]
async fn strangers_get_no_permission() {
    let world = World::new().await;
    for origin in [
        "null",
        "https://evil.example",
        "https://ticketing.vercel.app.evil.example",
        "https://evil-ticketing.vercel.app",
        "http://ticketing.vercel.app",
        "https://ticketing.vercel.app:8443",
        "https://ticketing.vercel.app/",
        "HTTPS://TICKETING.VERCEL.APP",
        "http://localhost:3001",
    ] {
        let reply = world.raw(preflight("/events", origin)).await.to_lowercase();
        assert_eq!(status_of(&reply), 403, "{origin}: {reply}");
        assert!(!reply.contains("access-control-allow-"), "{origin}: {reply}");

        let reply = world.anybody().with_header("origin", origin).get("/events").await;
        assert_eq!(reply.header("access-control-allow-origin"), None, "{origin}");
        assert_eq!(reply.header("vary"), Some("Origin"));
        reply.must_be(200);
    }
}

#[tokio::test]
async fn every_reply_to_our_front_end_can_be_read_there_errors_too() {
    let world = World::with(&[("RATE_LIMIT_PUBLIC_READ", "1/ip")]).await;
    let page = world.anybody().with_header("origin", OURS);
    for (path, status) in [
        ("/events", 200),
        ("/events", 429),
        ("/users/me", 401),
        ("/nowhere", 404),
        ("/..%2f", 400),
    ] {
        let reply = page.get(path).await;
        assert_eq!(reply.status.as_u16(), status, "{path}");
        assert_eq!(reply.header("access-control-allow-origin"), Some(OURS), "{path}");
        let exposed = reply.header("access-control-expose-headers").unwrap();
        for header in ["RateLimit", "Retry-After", "X-Request-Id", "ETag", "Date"] {
            assert!(exposed.contains(header), "{exposed}");
        }
    }
}

#[tokio::test]
async fn a_services_own_cors_headers_do_not_pass() {
    let world = World::new().await;
    world
        .upstream
        .answer_with(|_| crate::helpers::reply(200, &[("access-control-allow-origin", "*"), ("server", "x")], "{}"));
    let reply = world
        .anybody()
        .with_header("origin", "https://evil.example")
        .get("/events")
        .await;
    assert_eq!(reply.header("access-control-allow-origin"), None);
    assert_eq!(reply.header("server"), None);
}

#[tokio::test]
async fn options_without_a_preflight_tells_the_methods() {
    let world = World::new().await;
    let reply = world
        .raw("OPTIONS /events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .to_lowercase();
    assert_eq!(status_of(&reply), 204);
    assert!(reply.contains("\r\nallow: get, post, head, options\r\n"), "{reply}");
}
