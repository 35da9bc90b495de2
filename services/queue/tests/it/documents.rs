use crate::helpers::World;
use serde_json::Value;
use test_support::Api;

#[tokio::test]
async fn the_document_lists_every_public_endpoint_with_its_replies() {
    let world = World::new().await;
    let document = Api::new(&world.replicas[0].url())
        .get("/openapi.json")
        .await
        .expect(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut operations: Vec<String> = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let replies = operation["responses"].as_object().unwrap();
            let statuses: Vec<&str> = replies.keys().map(String::as_str).collect();
            operations.push(format!("{method} {path}: {}", statuses.join(" ")));
        }
    }
    operations.sort();
    assert_eq!(
        operations,
        [
            "delete /queue/leave: 204 401 500 503",
            "get /queue/admin/stats: 200 400 401 403 404 500 503",
            "get /queue/status: 200 400 401 404 500 503",
            "get /queue/stream: 200 400 401 404 500 503",
            "post /queue/enter: 200 400 401 404 409 413 415 500 503",
            "put /queue/admin/events/{eventId}: 200 400 401 403 404 413 415 500 503",
        ]
    );
    let status = &document["components"]["schemas"]["QueueStatus"];
    let mut fields: Vec<&str> = status["properties"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    fields.sort_unstable();
    let mut required: Vec<&str> = status["required"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    required.sort_unstable();
    assert_eq!(fields, required, "every field is always there, null or not");
}

#[tokio::test]
async fn a_service_with_its_dependencies_is_ready() {
    let world = World::new().await;
    let ready = Api::new(&world.replicas[0].url())
        .get("/health/ready")
        .await
        .expect(200);
    assert_eq!(
        (&ready["checks"]["postgresql"], &ready["checks"]["redis"]),
        (&Value::from("UP"), &Value::from("UP"))
    );
}
