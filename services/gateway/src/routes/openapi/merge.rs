//! Puts OpenAPI documents together: all paths, and one section of components. Two components of one name stay one if their
//! content is the same; otherwise the later one gets its service's name in front, and so do the references to it.

use serde_json::{Map, Value, json};
use std::collections::HashMap;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// One document of them all. Each comes with its service's name.
pub(super) fn merge<'a>(documents: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let mut paths = Map::new();
    let mut components = Map::new();
    let mut operation_ids = HashMap::new();
    let mut tags = Vec::new();
    for (service, mut document) in documents {
        let renamed = renamings(service, &document, &components);
        rewrite_references(&mut document, &renamed);
        take_components(&mut components, &mut document, &renamed);
        push_down_security(&mut document);
        tags.push(json!({"name": service}));
        for (path, mut item) in take_object(&mut document, "paths") {
            for (_, operation) in operations(&mut item) {
                operation["tags"] = json!([service]);
                name_operation(service, operation, &mut operation_ids);
            }
            merge_path(&mut paths, path, item);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "ticket-queue",
            "description": "Concert tickets: a fair queue, seats held for five minutes, payment, and a confirmed reservation.",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "servers": [{"url": "/"}],
        "tags": tags,
        "paths": paths,
        "components": components,
    })
}

/// Writes a reference wherever the operations repeat this schema in full.
pub(super) fn refer(document: &mut Value, name: &str) {
    let schema = document["components"]["schemas"][name].clone();
    if schema.is_object() {
        let reference = json!({"$ref": format!("#/components/schemas/{name}")});
        replace(&mut document["paths"], &schema, &reference);
    }
}

fn replace(value: &mut Value, this: &Value, other: &Value) {
    if value == this {
        value.clone_from(other);
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, this, other)),
        Value::Object(members) => members.values_mut().for_each(|member| replace(member, this, other)),
        _ => {}
    }
}

/// The operations of a path, with their methods.
pub(super) fn operations(item: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    let entries = item.as_object_mut().into_iter().flat_map(Map::iter_mut);
    entries.filter(|(method, operation)| METHODS.contains(&method.as_str()) && operation.is_object())
}

/// New names for this document's components whose names are taken by something else: reference → reference.
fn renamings(service: &str, document: &Value, taken: &Map<String, Value>) -> HashMap<String, (String, String)> {
    let mut renamed = HashMap::new();
    for (section, entries) in document["components"].as_object().into_iter().flatten() {
        for (name, content) in entries.as_object().into_iter().flatten() {
            let other = taken.get(section).and_then(|section| section.get(name));
            if other.is_some_and(|other| other != content) {
                let new_name = format!("{}{name}", capitalised(service));
                let reference = |name: &str| format!("#/components/{section}/{name}");
                renamed.insert(reference(name), (reference(&new_name), new_name));
            }
        }
    }
    renamed
}

fn rewrite_references(value: &mut Value, renamed: &HashMap<String, (String, String)>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite_references(item, renamed)),
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                match member {
                    Value::String(text) if name == "$ref" => {
                        if let Some((reference, _)) = renamed.get(text.as_str()) {
                            text.clone_from(reference);
                        }
                    }
                    _ => rewrite_references(member, renamed),
                }
            }
        }
        _ => {}
    }
}

fn take_components(
    components: &mut Map<String, Value>,
    document: &mut Value,
    renamed: &HashMap<String, (String, String)>,
) {
    for (section, entries) in take_object(document, "components") {
        let Value::Object(entries) = entries else { continue };
        let target = components.entry(section.clone()).or_insert_with(|| json!({}));
        for (name, content) in entries {
            let new_name = renamed
                .get(&format!("#/components/{section}/{name}"))
                .map(|(_, name)| name.clone());
            target[new_name.unwrap_or(name)] = content;
        }
    }
}

/// A document's security holds for all its operations that name none; the merged document has none of its own.
fn push_down_security(document: &mut Value) {
    let Some(security) = document.get("security").cloned() else {
        return;
    };
    for item in document["paths"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        for (_, operation) in operations(item) {
            if operation.get("security").is_none() {
                operation["security"] = security.clone();
            }
        }
    }
}

/// Handlers of different services may have the same name, but an operation's id is unique.
fn name_operation(service: &str, operation: &mut Value, taken: &mut HashMap<String, ()>) {
    let Some(id) = operation["operationId"].as_str() else {
        return;
    };
    let mut name = id.to_owned();
    if taken.contains_key(&name) {
        name = format!("{service}_{id}");
    }
    while taken.insert(name.clone(), ()).is_some() {
        name.push('_');
    }
    operation["operationId"] = name.into();
}

fn merge_path(paths: &mut Map<String, Value>, path: String, item: Value) {
    match (paths.get_mut(&path), item) {
        (Some(Value::Object(present)), Value::Object(item)) => present.extend(item),
        (_, item) => _ = paths.insert(path, item),
    }
}

fn take_object(document: &mut Value, member: &str) -> Map<String, Value> {
    match document.get_mut(member).map(Value::take) {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(path: &str, schema: &Value) -> Value {
        json!({
            "openapi": "3.1.0",
            "security": [{"bearer": []}],
            "paths": {path: {"get": {
                "operationId": "list",
                "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Page"}}}}},
            }}},
            "components": {"schemas": {"Page": schema, "Problem": {"type": "object"}}},
        })
    }

    #[test]
    fn equal_components_stay_one_and_others_get_their_services_name() {
        let (a, b) = (json!({"type": "array"}), json!({"type": "object"}));
        let merged = merge([
            ("event", document("/events", &a)),
            ("payment", document("/payments", &b)),
        ]);
        let schemas = merged["components"]["schemas"].as_object().unwrap();
        assert_eq!(schemas.keys().collect::<Vec<_>>(), ["Page", "PaymentPage", "Problem"]);
        let reference = |path: &str| {
            merged["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].clone()
        };
        assert_eq!(reference("/events"), "#/components/schemas/Page");
        assert_eq!(reference("/payments"), "#/components/schemas/PaymentPage");
    }

    #[test]
    fn operations_keep_their_security_and_have_ids_of_their_own() {
        let schema = json!({"type": "array"});
        let merged = merge([
            ("event", document("/events", &schema)),
            ("payment", document("/payments", &schema)),
        ]);
        assert_eq!(merged["paths"]["/events"]["get"]["operationId"], "list");
        assert_eq!(merged["paths"]["/payments"]["get"]["operationId"], "payment_list");
        assert_eq!(merged["paths"]["/payments"]["get"]["security"], json!([{"bearer": []}]));
        assert!(merged.get("security").is_none());
    }

    #[test]
    fn a_schema_that_operations_repeat_becomes_a_reference() {
        let page = json!({"type": "array"});
        let mut whole = merge([("event", document("/events", &page))]);
        let schema = "/paths/~1events/get/responses/200/content/application~1json/schema";
        whole.pointer_mut(schema).unwrap().clone_from(&page);
        refer(&mut whole, "Page");
        refer(&mut whole, "Nothing");
        assert_eq!(
            whole.pointer(schema),
            Some(&json!({"$ref": "#/components/schemas/Page"}))
        );
        assert_eq!(whole["components"]["schemas"]["Page"], page);
    }

    #[test]
    fn methods_of_one_path_come_together() {
        let own = json!({"paths": {"/events": {"post": {"operationId": "create"}}}});
        let merged = merge([("event", document("/events", &json!({}))), ("other", own)]);
        assert_eq!(merged["paths"]["/events"].as_object().unwrap().len(), 2);
    }
}
