use crate::helpers::{MustBe, World};
use serde_json::json;

#[tokio::test]
async fn identity_headers_of_a_client_never_reach_a_service() {
    let world = World::new().await;
    let reply = world
        .raw_get(
            "/events",
            "X-User-Id: 0197c7a0-0000-7000-8000-000000000001\r\nx-user-role: ADMIN\r\nX_User_Id: 1\r\nX-USER_ROLE: ADMIN\r\n\
             x.user.id: 1\r\nX-Internal-Auth: v1;gateway;1;00\r\nX_Internal_Auth: x\r\nX-Internal-Anything: x\r\n\
             X-Forwarded-User: admin\r\nX-Original-URL: /internal/x\r\nX-HTTP-Method-Override: DELETE\r\n\
             X-Real-IP: 1.2.3.4\r\nX-Client-Address: 1.2.3.4\r\nX-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\n",
        )
        .await;
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    let got = world.upstream.only();
    let ours = ["x-internal-auth", "x-request-id", "x-client-address"];
    for name in got
        .headers
        .keys()
        .map(http::HeaderName::as_str)
        .filter(|name| name.starts_with('x'))
    {
        assert!(ours.contains(&name), "{name} came through");
    }
    assert_eq!(got.headers.get_all("x-internal-auth").iter().count(), 1);
    assert_eq!(got.header("forwarded"), None);
    assert_eq!(got.header("x-client-address"), Some("127.0.0.1"));
}

#[tokio::test]
async fn the_verified_identity_replaces_a_spoofed_one() {
    let world = World::new().await;
    let buyer = world.somebody();
    let spoofed = buyer
        .api
        .with_header("x-user-id", "0197c7a0-0000-7000-8000-000000000001")
        .with_header("x-user-role", "ADMIN");
    spoofed.get("/users/me").await.must_be(200);
    let got = world.upstream.only();
    assert_eq!(got.header("x-user-id"), Some(buyer.id.to_string().as_str()));
    assert_eq!(got.header("x-user-role"), Some("USER"));
}

#[tokio::test]
async fn what_connection_names_is_dropped_with_the_hop_by_hop_headers() {
    let world = World::new().await;
    let reply = world
        .raw(
            "GET /events HTTP/1.1\r\nHost: x\r\nConnection: close, X-Custom, X-Internal-Auth, Host\r\nX-Custom: 1\r\n\
             Keep-Alive: 5\r\nTE: trailers\r\nUpgrade: websocket\r\nProxy-Authorization: Basic eA==\r\nX-Kept: 1\r\n\r\n",
        )
        .await;
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    let got = world.upstream.only();
    for name in [
        "x-custom",
        "keep-alive",
        "te",
        "upgrade",
        "proxy-authorization",
        "connection",
    ] {
        assert_eq!(got.header(name), None, "{name}");
    }
    assert_eq!(got.header("x-kept"), Some("1"));
    assert!(
        got.header("x-internal-auth").is_some(),
        "ours is set after the stripping"
    );
}

#[tokio::test]
async fn a_public_route_ignores_authorization_and_gives_no_identity() {
    let world = World::new().await;
    for value in ["Bearer nonsense", "Basic eA==", ""] {
        world
            .anybody()
            .with_header("authorization", value)
            .get("/events")
            .await
            .must_be(200);
    }
    world.somebody().api.get("/events").await.must_be(200);
    for got in world.upstream.requests() {
        assert_eq!(got.header("x-user-id"), None);
        assert_eq!(got.header("authorization"), None);
    }
}

#[tokio::test]
async fn only_administrators_reach_admin_routes() {
    let world = World::new().await;
    let event = json!({"title": "x"});
    world
        .anybody()
        .post("/events", &event)
        .await
        .expect_problem(401, "UNAUTHENTICATED");
    world
        .somebody()
        .api
        .post("/events", &event)
        .await
        .expect_problem(403, "FORBIDDEN");
    for path in ["/admin/users?email=a@b.c", "/queue/admin/stats?eventId=1"] {
        world.somebody().api.get(path).await.expect_problem(403, "FORBIDDEN");
    }
    assert!(world.upstream.requests().is_empty());
    world.admin().api.post("/events", &event).await.must_be(200);
    assert_eq!(world.upstream.only().header("x-user-role"), Some("ADMIN"));
}

#[tokio::test]
async fn the_client_address_is_believed_only_from_a_trusted_proxy() {
    let world = World::new().await;
    world
        .anybody()
        .with_header("x-forwarded-for", "198.51.100.7")
        .get("/events")
        .await
        .must_be(200);
    assert_eq!(world.upstream.only().header("x-client-address"), Some("127.0.0.1"));

    let world = World::with(&[("TRUSTED_PROXIES", "127.0.0.0/8,10.0.0.0/8")]).await;
    world
        .anybody()
        .with_header("x-forwarded-for", "1.1.1.1, 198.51.100.7, 10.0.0.3")
        .get("/events")
        .await
        .must_be(200);
    assert_eq!(world.upstream.only().header("x-client-address"), Some("198.51.100.7"));
}
