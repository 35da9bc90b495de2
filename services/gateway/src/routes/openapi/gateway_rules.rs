//! What the gateway adds to each operation of a service: who may call it, and the replies that it gives itself. An operation
//! that the route table does not let through is not part of the public API, so it is left out.

use super::merge::operations;
use crate::route_table::{Access, Match, Route, RouteTable, Target};
use http::{Method, StatusCode};
use serde_json::{Value, json};

/// Completes the merged document.
pub(super) fn add(document: &mut Value, table: &RouteTable) {
    let Some(paths) = document["paths"].as_object_mut() else {
        return;
    };
    for (path, item) in paths.iter_mut() {
        let mut closed = Vec::new();
        for (method, operation) in operations(item) {
            let route = Method::from_bytes(method.to_uppercase().as_bytes())
                .ok()
                .map(|method| table.find(&method, path));
            match route {
                Some(Match::Route(route)) => complete(operation, route),
                _ => closed.push(method.clone()),
            }
        }
        if let Some(item) = item.as_object_mut() {
            item.retain(|method, _| !closed.contains(method));
        }
    }
    paths.retain(|_, item| operations(item).next().is_some());
}

fn complete(operation: &mut Value, route: &Route) {
    if route.access != Access::Public {
        operation["security"] = json!([{"bearer": []}]);
    } else if let Some(operation) = operation.as_object_mut() {
        operation.remove("security");
    }
    let responses = &mut operation["responses"];
    if !responses.is_object() {
        *responses = json!({});
    }
    describe(responses);
    for (status, description) in replies(route) {
        if responses.get(status).is_none() {
            responses[status] = json!({
                "description": description,
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            });
        }
    }
}

/// OpenAPI 3.1 demands a description of each reply, which handlers need not give.
fn describe(responses: &mut Value) {
    for (status, response) in responses.as_object_mut().into_iter().flatten() {
        if response.is_object() && response.get("description").is_none() && response.get("$ref").is_none() {
            let status = status.parse::<StatusCode>().ok();
            response["description"] = status
                .and_then(|status| status.canonical_reason())
                .unwrap_or("A reply")
                .into();
        }
    }
}

fn replies(route: &Route) -> Vec<(&'static str, &'static str)> {
    let mut replies = Vec::new();
    if route.access != Access::Public {
        replies.push(("401", "The access token is missing, not valid, expired or revoked"));
    }
    if route.queue_token.is_some() {
        replies.push(("403", "The queue token is missing or not valid"));
    } else if route.access == Access::Admin {
        replies.push(("403", "Only for administrators"));
    }
    if route.access != Access::Public || route.limit.quotas().next().is_some() {
        replies.push(("429", "Too many requests"));
    }
    if let Target::Backend(_) = route.target {
        replies.push(("400", "The request is not valid"));
        replies.push(("413", "The body is too large"));
        replies.push(("500", "Something went wrong"));
        replies.push(("502", "The service failed"));
        replies.push(("503", "The service or a dependency is not available"));
        replies.push(("504", "The service took too long"));
    }
    replies
}
