use crate::helpers::{World, status_of};

#[tokio::test]
async fn internal_is_404_in_any_spelling() {
    let world = World::new().await;
    let admin = format!("Authorization: Bearer {}\r\n", world.admin().token);
    for target in [
        "/internal",
        "/internal/events/1",
        "/INTERNAL/events/1",
        "//internal/events/1",
        "/./internal/events/1",
        "/events/../internal/events/1",
        "/events/%2e%2e/internal/events/1",
        "/%69nternal/events/1",
        "/%2569nternal/events/1",
        "/internal%2fevents/1",
        "/events%2f..%2finternal/events/1",
        "/internal\\events",
        "/internal;x=1/events",
        "/internal/events/1?x=/events",
        "http://x/internal/events/1",
    ] {
        let reply = world.raw_get(target, &admin).await;
        assert_eq!(status_of(&reply), 404, "{target}: {reply}");
        assert!(reply.contains("NOT_FOUND"), "{target}: {reply}");
    }
    assert!(world.upstream.requests().is_empty());
}

#[tokio::test]
async fn other_spellings_reach_the_same_route_and_its_rules() {
    let world = World::new().await;
    for (target, seen) in [
        ("//events", "/events"),
        ("/events//1", "/events/1"),
        ("/events/./1?x=%2F..", "/events/1?x=%2F.."),
        ("/users/me/../../events", "/events"),
        ("/%65vents", "/events"),
        ("http://x/events?a=b", "/events?a=b"),
    ] {
        let reply = world.raw_get(target, "").await;
        assert_eq!(status_of(&reply), 200, "{target}: {reply}");
        assert_eq!(world.upstream.requests().last().unwrap().target, seen, "{target}");
    }
    let before = world.upstream.requests().len();
    for target in [
        "/events/../users/me",
        "/auth/login/../../users/me",
        "/events/%2e%2e/users/me",
        "/users%2Dx/../users/me",
    ] {
        assert_eq!(status_of(&world.raw_get(target, "").await), 401, "{target}");
    }
    assert_eq!(world.upstream.requests().len(), before);
}

#[tokio::test]
async fn paths_without_a_single_meaning_are_400() {
    let world = World::new().await;
    for target in [
        "/events%2f1",
        "/events/..%2fusers/me",
        "/events%5c1",
        "/events\\1",
        "/events/%00",
        "/events/%0d%0aX-User-Id:1",
        "/events/%",
        "/events/%zz",
        "/events/%252e%252e/users",
        "/..",
        "/../events",
    ] {
        let reply = world.raw_get(target, "").await;
        assert_eq!(status_of(&reply), 400, "{target}: {reply}");
        assert!(
            reply.contains("MALFORMED_REQUEST") || reply.ends_with("\r\n\r\n"),
            "{target}: {reply}"
        );
    }
    assert!(world.upstream.requests().is_empty());
}

#[tokio::test]
async fn unknown_paths_are_404_and_unknown_methods_405() {
    let world = World::new().await;
    for path in [
        "/nowhere",
        "/eventsx",
        "/users",
        "/health",
        "/actuator/env",
        "/events/1/2/3",
        "/auth",
    ] {
        world.admin().api.get(path).await.expect_problem(404, "NOT_FOUND");
    }
    for (method, path) in [
        ("PATCH", "/events"),
        ("DELETE", "/auth/login"),
        ("TRACE", "/events"),
        ("GET", "/payments/confirm"),
    ] {
        let reply = world
            .raw(format!(
                "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            ))
            .await;
        assert_eq!(status_of(&reply), 405, "{method} {path}: {reply}");
        assert!(reply.to_lowercase().contains("\r\nallow: "), "{reply}");
    }
    assert!(world.upstream.requests().is_empty());
}

#[tokio::test]
async fn methods_that_make_no_request_to_a_route_are_refused() {
    let world = World::new().await;
    for head in [
        "CONNECT example.com:443 HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "GET events HTTP/1.1",
    ] {
        let reply = world
            .raw(format!("{head}\r\nHost: x\r\nConnection: close\r\n\r\n"))
            .await;
        assert!(matches!(status_of(&reply), 400 | 404), "{head}: {reply}");
    }
}
