use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    extract::{Body, Json, parse_json},
    problem::{ApiResult, Code, Problem},
};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problems::WebhookRefusals;
use crate::{
    db::webhook_deliveries::{self, NewDelivery},
    portone::{WebhookHeaders, verify},
    state::AppState,
};

/// A longer text in a webhook is nothing that we know.
const MAX_CHARS: usize = 200;

/// What PortOne tells. It adds fields and types without notice, so whatever else there is is ignored.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct PortoneWebhook {
    /// `Transaction.Paid`, `Transaction.Cancelled`, …
    #[serde(rename = "type")]
    event_type: String,
    /// When it happened.
    #[serde(default)]
    timestamp: Option<DateTime<Utc>>,
    #[serde(default)]
    data: WebhookData,
}

/// Whom it is about.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookData {
    /// Our payment's id without hyphens.
    #[serde(default)]
    payment_id: Option<String>,
}

/// It is stored.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Stored {}

/// Takes a webhook of PortOne.
///
/// It decides nothing: it is stored, and PortOne is asked about the payment that it names.
#[utoipa::path(
    post,
    path = "/payments/webhook/portone",
    tag = "webhooks",
    params(
        ("webhook-id" = String, Header, description = "The same for each repetition"),
        ("webhook-timestamp" = String, Header, description = "Seconds since 1970"),
        ("webhook-signature" = String, Header, description = "Standard Webhooks, `v1,<base64>`, several separated by spaces"),
    ),
    request_body = PortoneWebhook,
    responses((status = 200, description = "Stored, now or before", body = Stored), WebhookRefusals),
)]
pub(crate) async fn receive_portone_webhook(
    State(state): State<AppState>,
    headers: HeaderMap,
    Body(body): Body,
) -> ApiResult<Json<Stored>> {
    let headers = WebhookHeaders::from(&headers)
        .filter(|headers| {
            let config = &state.webhooks;
            verify(
                &config.secrets,
                *headers,
                &body,
                state.webhook_clock.now(),
                config.tolerance,
            )
        })
        .ok_or_else(|| Problem::new(Code::SignatureInvalid))?;
    let webhook: PortoneWebhook = parse_json(&body)?;
    let event_type = plain(&webhook.event_type).unwrap_or("UNREADABLE");
    let delivery = NewDelivery {
        webhook_id: headers.id,
        event_type,
        payment_id: webhook.data.payment_id.as_deref().and_then(plain),
        event_at: webhook.timestamp,
        outcome: needs_nothing(event_type),
    };
    let mut connection = state.db.acquire().await?;
    if webhook_deliveries::insert(&mut connection, &delivery).await? {
        state.webhook_stored.notify_one();
    }
    Ok(Json(Stored {}))
}

/// Events that tell of no payment, or of one whose window was only opened.
fn needs_nothing(event_type: &str) -> Option<&'static str> {
    (!event_type.starts_with("Transaction.") || event_type == "Transaction.Ready").then_some("IGNORED")
}

/// The text, if it can be stored.
fn plain(text: &str) -> Option<&str> {
    Some(text).filter(|text| text.chars().count() <= MAX_CHARS && !text.chars().any(char::is_control))
}
