use crate::helpers::{MustBe, World, reply, status_of};
use serde_json::{Value, json};

#[tokio::test]
async fn the_front_end_gets_its_settings() {
    let world = World::new().await;
    let config = world.anybody().get("/config").await.expect(200);
    assert_eq!(config["recaptchaSiteKey"], "local-recaptcha-site-key");
    assert_eq!(
        config["portone"]["storeId"],
        "store-00000000-0000-4000-8000-000000000001"
    );
    assert_eq!(
        config["portone"]["channelKeys"]["CARD"],
        "channel-key-00000000-0000-4000-8000-000000000002"
    );
    assert!(config["serverTime"].as_str().unwrap().ends_with('Z'), "{config}");
}

#[tokio::test]
async fn readiness_names_each_service_and_one_that_is_down_does_not_take_the_gateway_with_it() {
    let world = World::new().await;
    world.anybody().get("/health/live").await.must_be(200);
    let ready = world.anybody().get("/health/ready").await.expect(200);
    assert_eq!(ready["status"], "UP");
    let names = [
        "event-service",
        "payment-service",
        "queue-service",
        "redis",
        "reservation-service",
        "user-service",
    ];
    for name in names {
        assert_eq!(ready["checks"][name], "UP", "{ready}");
    }
    let world = World::with(&[("QUEUE_SERVICE_URL", "http://127.0.0.1:1")]).await;
    let ready = world.anybody().get("/health/ready").await.expect(200);
    assert_eq!(
        (&ready["status"], &ready["checks"]["queue-service"]),
        (&json!("DEGRADED"), &json!("DOWN"))
    );
    let page = world.raw_get("/", "").await;
    assert!(page.contains("DEGRADED") && page.contains("queue-service"), "{page}");
}

#[tokio::test]
async fn administrators_see_how_the_gateway_and_everything_behind_it_is_doing() {
    let world = World::with(&[("QUEUE_SERVICE_URL", "http://127.0.0.1:1")]).await;
    world.anybody().get("/operator").await.must_be(200);
    world
        .anybody()
        .get("/admin/stats")
        .await
        .expect_problem(401, "UNAUTHENTICATED");
    let buyer = world.anybody().with_token(&world.somebody().token);
    buyer.get("/admin/stats").await.expect_problem(403, "FORBIDDEN");

    let admin = world.anybody().with_token(&world.admin().token);
    let reply = admin.get("/admin/stats").await;
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let stats = reply.expect(200);
    let checks = &stats["services"]["checks"];
    assert_eq!(
        (&checks["queue-service"], &checks["user-service"]),
        (&json!("DOWN"), &json!("UP")),
        "{stats}"
    );
    // Those of the tests beside this one are counted with ours.
    let (answered, refused) = (&stats["requests"]["answered"], &stats["requests"]["refused"]);
    assert!(answered.as_u64() >= Some(3) && refused.as_u64() >= Some(2), "{stats}");
    let breakers = stats["process"]["breakers"].as_array().unwrap();
    let breaker = breakers.iter().find(|breaker| breaker["name"] == "user-service");
    assert!(breaker.is_some_and(|breaker| breaker["state"].is_string()), "{stats}");
}

#[tokio::test]
async fn metrics_are_for_the_inside_only() {
    let world = World::with(&[("METRICS_TOKEN", "scrape-me")]).await;
    world.anybody().get("/events").await.must_be(200);
    let metrics = world.anybody().get("/metrics").await.expect(200);
    let text = metrics.as_str().unwrap();
    assert!(
        text.contains("http_server_request_duration_seconds") && text.contains("route=\"/events\""),
        "{text}"
    );
    assert!(text.contains("circuit_breaker_state{name=\"event-service\"}"), "{text}");

    let outside = world.anybody().with_header("x-forwarded-for", "203.0.113.9");
    outside.get("/metrics").await.expect_problem(404, "NOT_FOUND");
    world
        .anybody()
        .with_header("forwarded", "for=x")
        .get("/metrics")
        .await
        .expect_problem(404, "NOT_FOUND");
    outside
        .with_token("guess")
        .get("/metrics")
        .await
        .expect_problem(404, "NOT_FOUND");
    outside.with_token("scrape-me").get("/metrics").await.must_be(200);
}

#[tokio::test]
async fn the_documents_of_all_services_are_one() {
    let world = World::new().await;
    world.upstream.answer_with(|_| reply(200, &[], document().to_string()));
    let api = world.anybody().get("/openapi.json").await.expect(200);
    assert_eq!(api["openapi"], "3.1.0");
    let paths = api["paths"].as_object().unwrap();
    assert!(
        paths.contains_key("/config") && paths.contains_key("/events"),
        "{paths:?}"
    );
    assert!(
        !paths.contains_key("/internal/events/{id}") && !paths.contains_key("/unrouted"),
        "{paths:?}"
    );

    let create = &api["paths"]["/events"]["post"];
    assert_eq!(create["security"], json!([{"bearer": []}]));
    for status in ["201", "400", "401", "403", "413", "429", "502", "503", "504"] {
        assert!(
            create["responses"].get(status).is_some(),
            "{status} is missing: {create}"
        );
    }
    assert!(api["paths"]["/events"]["get"].get("security").is_none());
    assert!(api["components"]["schemas"]["Problem"].is_object());
}

fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {"title": "x", "version": "1"},
        "paths": {
            "/events": {
                "get": {"operationId": "list", "responses": {"200": {"description": "x"}}},
                "post": {"operationId": "create", "responses": {"201": {"description": "x"}}},
            },
            "/internal/events/{id}": {"get": {"responses": {}}},
            "/unrouted": {"get": {"responses": {}}},
        },
        "components": {"schemas": {"Problem": {"type": "object"}}},
    })
}

#[tokio::test]
async fn a_document_without_a_service_is_still_a_document() {
    let world = World::with(&[("EVENT_SERVICE_URL", "http://127.0.0.1:1")]).await;
    let api = world.anybody().get("/openapi.json").await.expect(200);
    assert!(api["paths"]["/config"].is_object(), "{api}");
}

#[tokio::test]
async fn the_documentation_page_needs_no_other_site() {
    let world = World::new().await;
    let page = world.raw_get("/docs", "").await;
    assert_eq!(status_of(&page), 200);
    assert!(
        page.contains("text/html") && page.contains("script-src 'self'"),
        "{page}"
    );
    assert!(!page.contains("https://"), "nothing is loaded from elsewhere: {page}");
    for asset in ["/docs/docs.js", "/docs/style.css"] {
        assert_eq!(status_of(&world.raw_get(asset, "").await), 200, "{asset}");
    }
    let missing = world.anybody().get("/docs/other.js").await;
    let id = missing.header("x-request-id").unwrap().to_owned();
    let problem = missing.expect_problem(404, "NOT_FOUND");
    assert_eq!(problem["requestId"], id.as_str());
}

#[tokio::test]
async fn pages_are_made_of_our_own_parts_and_of_what_their_policy_allows() {
    let world = World::new().await;
    for page in ["/", "/docs", "/operator"] {
        let text = world.raw_get(page, "").await;
        assert!(
            !text.contains("<style") && !text.contains("style=") && !text.contains("onclick"),
            "{text}"
        );
        let parts = text
            .split(['"'])
            .filter(|part| part.starts_with('/') || part.contains("://"));
        let parts: Vec<&str> = parts.collect();
        assert!(parts.contains(&"/docs/style.css"), "{parts:?}");
        for part in parts {
            assert!(
                part.starts_with('/') && !part.starts_with("//"),
                "{page} leads to {part}"
            );
            assert_eq!(status_of(&world.raw_get(part, "").await), 200, "{part}");
        }
    }
    for script in ["/docs/docs.js", "/docs/operator.js", "/docs/operator_lines.js"] {
        let script = world.raw_get(script, "").await;
        assert!(script.contains("use strict"), "{script}");
        for forbidden in [
            "eval(",
            "innerHTML",
            "://",
            "import ",
            "new Function",
            "document.write",
            "Storage",
            "cookie",
        ] {
            assert!(!script.contains(forbidden), "{forbidden}");
        }
    }
    let style = world.raw_get("/docs/style.css", "").await;
    assert!(!style.contains("url(") && !style.contains("@import"), "{style}");
}
