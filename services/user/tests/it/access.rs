use crate::helpers::World;
use common::internal_auth::Service;
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use test_support::Api;
use uuid::Uuid;

const ROUTES: [(Method, &str); 22] = [
    (Method::POST, "/auth/register"),
    (Method::POST, "/auth/login"),
    (Method::POST, "/auth/refresh"),
    (Method::POST, "/auth/logout"),
    (Method::GET, "/auth/oauth2/{provider}/authorize"),
    (Method::GET, "/auth/oauth2/{provider}/callback"),
    (Method::POST, "/auth/oauth2/signup"),
    (Method::POST, "/auth/password/reset"),
    (Method::POST, "/auth/reactivate"),
    (Method::GET, "/users/me"),
    (Method::PUT, "/users/me"),
    (Method::DELETE, "/users/me"),
    (Method::PUT, "/users/me/password"),
    (Method::POST, "/users/me/social-accounts/{provider}"),
    (Method::DELETE, "/users/me/social-accounts/{provider}"),
    (Method::GET, "/users/me/login-history"),
    (Method::GET, "/users/admin/stats"),
    (Method::GET, "/admin/users"),
    (Method::GET, "/admin/users/{id}"),
    (Method::POST, "/admin/users/{id}/lock"),
    (Method::POST, "/admin/users/{id}/unlock"),
    (Method::GET, "/terms"),
];

/// A path as a client would write it.
fn concrete(path: &str) -> String {
    path.replace("{provider}", "kakao")
        .replace("{id}", "01a20772-e7da-71b2-9273-13d04e8d150c")
}

#[tokio::test]
async fn nobody_but_the_gateway_is_served() {
    let world = World::start().await;
    let mut strangers = vec![
        Api::new(&world.url),
        Api::new(&world.url)
            .with_header("x-user-id", &Uuid::nil().to_string())
            .with_header("x-user-role", "ADMIN"),
        Api::new(&world.url).with_header("x-internal-auth", "v1;gateway;0;00"),
    ];
    let services = Service::ALL.into_iter().filter(|service| *service != Service::Gateway);
    strangers.extend(services.map(|service| Api::as_service(&world.url, service)));
    for stranger in strangers {
        for (method, path) in ROUTES {
            let body = (method == Method::POST).then(|| json!({}));
            let reply = stranger.call(method, &concrete(path), body.as_ref()).await;
            reply.expect_problem(403, "FORBIDDEN");
        }
    }
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let world = World::start().await;
    for path in [
        "/",
        "/nothing",
        "/auth",
        "/auth/register/",
        "/users/me/secrets",
        "/internal/users",
        "//terms",
    ] {
        world.api.get(path).await.expect_problem(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn another_method_is_not_allowed_and_the_allowed_one_is_told() {
    let world = World::start().await;
    for (_, path) in ROUTES {
        let allowed = ROUTES.iter().filter(|(_, other)| *other == path);
        let allowed: BTreeSet<&str> = allowed.map(|(method, _)| method.as_str()).collect();
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            if allowed.contains(method.as_str()) {
                continue;
            }
            let reply = world.api.call(method, &concrete(path), None).await;
            let allow = reply.header("allow").unwrap_or_default().to_owned();
            let told: BTreeSet<&str> = allow.split(',').filter(|method| *method != "HEAD").collect();
            assert_eq!(told, allowed, "{path}");
            reply.expect_problem(405, "METHOD_NOT_ALLOWED");
        }
    }
}

#[tokio::test]
async fn a_reply_carries_the_id_of_its_request() {
    let world = World::start().await;
    let reply = world.api.get("/terms").await;
    assert!(reply.header("x-request-id").is_some());
    let problem = world.api.get("/users/me").await;
    let id = problem.header("x-request-id").unwrap().to_owned();
    assert_eq!(problem.body["requestId"], id);
}

#[tokio::test]
async fn readiness_names_the_dependencies() {
    let world = World::start().await;
    let outsider = Api::new(&world.url);
    assert_eq!(
        outsider.get("/health/live").await.expect(200),
        json!({ "status": "UP" })
    );
    let ready = outsider.get("/health/ready").await.expect(200);
    assert_eq!(
        ready,
        json!({ "status": "UP", "checks": { "postgresql": "UP", "redis": "UP" } })
    );
}

#[tokio::test]
async fn the_openapi_document_lists_every_path_and_its_replies() {
    let world = World::start().await;
    let document = Api::new(&world.url).get("/openapi.json").await.expect(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let listed: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys().filter(|name| *name != "parameters");
            methods.map(|method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let served = ROUTES.map(|(method, path)| (method.to_string(), path.to_owned()));
    assert_eq!(listed, BTreeSet::from(served));

    let replies = |method: &str, path: &str| -> Vec<String> {
        let replies = document["paths"][path][method]["responses"].as_object();
        replies.unwrap().keys().cloned().collect()
    };
    assert_eq!(
        replies("post", "/auth/register"),
        ["201", "400", "409", "413", "415", "429", "503"]
    );
    assert_eq!(
        replies("post", "/auth/login"),
        ["200", "400", "401", "403", "413", "415", "423", "429", "503"]
    );
    assert_eq!(document["paths"]["/auth/login"]["post"].get("security"), None);
    assert_eq!(
        document["paths"]["/users/me"]["get"]["security"],
        json!([{ "bearer": [] }])
    );
    references_resolve(&document, &document);
    for name in [
        "RegisterRequest",
        "LoginRequest",
        "RefreshRequest",
        "LogoutRequest",
        "ChangePasswordRequest",
        "ResetPasswordRequest",
        "ReactivateRequest",
        "Agreement",
    ] {
        let schema = &document["components"]["schemas"][name];
        assert_eq!(schema["additionalProperties"], false, "{name} takes unknown fields");
    }
}

fn references_resolve(document: &Value, part: &Value) {
    match part {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
            }
            members.values().for_each(|member| references_resolve(document, member));
        }
        Value::Array(items) => items.iter().for_each(|item| references_resolve(document, item)),
        _ => {}
    }
}
