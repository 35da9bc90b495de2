use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::ControlJson;
use crate::faults::SignWith;
use crate::state::Simulators;

/// Whatever `body` says is sent: of types, stores and payments that do not exist, or nonsense.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SendWebhookRequest {
    body: Value,
    webhook_id: Option<String>,
    /// So old is its timestamp; negative ones are from the future.
    #[serde(default)]
    age_seconds: i64,
    #[serde(default)]
    sign_with: SignWith,
}

/// `POST /control/portone/webhooks`: posts a webhook once, and answers with its id and the receiver's HTTP status, which
/// is null if there was no answer.
pub(crate) async fn send_webhook(
    State(simulators): State<Arc<Simulators>>,
    ControlJson(request): ControlJson<SendWebhookRequest>,
) -> Json<Value> {
    let id = request
        .webhook_id
        .unwrap_or_else(|| format!("wh_{}", Uuid::new_v4().simple()));
    let timestamp = simulators.config.clock.now().timestamp() - request.age_seconds;
    let body = request.body.to_string();
    let post = &simulators.webhooks.post;
    let status = post.send(&id, timestamp, body.as_bytes(), request.sign_with).await;
    Json(json!({ "webhookId": id, "status": status }))
}
