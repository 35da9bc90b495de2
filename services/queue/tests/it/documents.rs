use crate::helpers::World;
use serde_json::{Value, json};
use std::collections::BTreeMap;
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
            "get /queue/admin/lines: 200 401 403 500 503",
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
    let types = |schema: &str| -> BTreeMap<String, String> {
        let properties = document["components"]["schemas"][schema]["properties"]
            .as_object()
            .unwrap();
        let kind = |property: &Value| match (&property["type"], &property["format"], &property["$ref"]) {
            (Value::Null, _, reference) => reference.as_str().unwrap().rsplit('/').next().unwrap().to_owned(),
            (kind, Value::Null, _) => kind.to_string(),
            (kind, format, _) => format!("{kind} {format}"),
        };
        properties
            .iter()
            .map(|(name, property)| (name.clone(), kind(property)))
            .collect()
    };
    let expected = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned()))
            .collect()
    };
    assert_eq!(
        types("QueueStatus"),
        expected(&[
            ("enteredAt", r#""string" "date-time""#),
            ("estimatedWaitSeconds", r#"["integer","null"] "int64""#),
            ("eventId", r#""string" "uuid""#),
            ("pollAfterSeconds", r#""integer" "int64""#),
            ("position", r#"["integer","null"] "int64""#),
            ("queueTicket", r#""string""#),
            ("queueToken", r#"["string","null"]"#),
            ("serverTime", r#""string" "date-time""#),
            ("status", "QueueState"),
            ("tokenExpiresAt", r#"["string","null"] "date-time""#),
            ("totalWaiting", r#""integer" "int64""#),
        ])
    );
    assert_eq!(
        document["components"]["schemas"]["QueueState"]["enum"],
        json!(["WAITING", "ADMITTED"])
    );
    let stats = types("QueueStats");
    assert_eq!(stats["measuredPerSecond"], r#""number" "double""#);
    assert_eq!(stats["lastPlaceEtaSeconds"], r#"["integer","null"] "int64""#);
    for (path, method, names) in [
        ("/queue/enter", "post", vec!["X-Queue-Ticket"]),
        ("/queue/status", "get", vec!["eventId", "X-Queue-Ticket"]),
        (
            "/queue/stream",
            "get",
            vec!["eventId", "X-Queue-Ticket", "Last-Event-ID"],
        ),
    ] {
        let parameters = document["paths"][path][method]["parameters"].as_array().unwrap();
        let told: Vec<&str> = parameters.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(told, names, "{path}");
        assert!(parameters.iter().all(|one| one["required"] == false), "{path}");
    }
    let refused = &document["paths"]["/queue/enter"]["post"]["responses"]["409"];
    assert!(refused["headers"]["Retry-After"].is_object());
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
