use crate::helpers::App;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn the_document_lists_every_public_endpoint_with_its_replies() {
    let app = App::start().await;
    let document = test_support::Api::new(&app.running.url())
        .get("/openapi.json")
        .await
        .expect(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut operations: Vec<String> = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let statuses: Vec<&str> = operation["responses"]
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            operations.push(format!("{method} {path}: {}", statuses.join(" ")));
        }
    }
    operations.sort();
    let creating = "201 400 401 403 409 413 415 422 500 503";
    assert_eq!(
        operations,
        [
            "delete /events/{id}: 204 400 401 403 404 409 500 503".to_owned(),
            "delete /venues/{id}: 204 400 401 403 404 409 500 503".to_owned(),
            "delete /venues/{venueId}/halls/{hallId}: 204 400 401 403 404 409 500 503".to_owned(),
            "get /events/admin/stats: 200 401 403".to_owned(),
            "get /events/{id}/seats: 200 304 400 401 404 500 503".to_owned(),
            "get /events/{id}: 200 400 404 500 503".to_owned(),
            "get /events: 200 400 500 503".to_owned(),
            "get /venues/{id}: 200 400 404 500 503".to_owned(),
            "get /venues/{venueId}/halls: 200 400 404 500 503".to_owned(),
            "get /venues: 200 400 500 503".to_owned(),
            "post /events/{id}/cancel: 202 400 401 403 404 413 415 500 503".to_owned(),
            format!("post /events: {}", creating.replace("403", "403 404")),
            format!("post /venues/{{venueId}}/halls: {}", creating.replace("403", "403 404")),
            format!("post /venues: {creating}"),
            "put /events/{id}/poster: 200 400 401 403 404 413 415 500 503".to_owned(),
            "put /events/{id}: 200 400 401 403 404 409 412 413 415 428 500 503".to_owned(),
            "put /venues/{id}: 200 400 401 403 404 412 413 415 500 503".to_owned(),
            "put /venues/{venueId}/halls/{hallId}: 200 400 401 403 404 409 413 415 500 503".to_owned(),
        ]
    );
    every_reference_resolves(&document, &document);
}

fn every_reference_resolves(document: &Value, value: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
            }
            fields
                .values()
                .for_each(|value| every_reference_resolves(document, value));
        }
        Value::Array(values) => values
            .iter()
            .for_each(|value| every_reference_resolves(document, value)),
        _ => {}
    }
}
