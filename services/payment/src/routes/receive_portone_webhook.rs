use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    crash,
    extract::{Body, Json, parse_json},
    problem::{ApiResult, Code, Problem},
};
use http::HeaderMap;
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use super::problems::WebhookRefusals;
use crate::{
    db::webhook_deliveries::{self, NewDelivery},
    portone::{WebhookHeaders, verify},
    state::AppState,
};

/// A longer text in a webhook is nothing that we know.
const MAX_CHARS: usize = 200;

/// What PortOne tells. It adds fields and types without notice, so whatever else there is is ignored, and so is a field that
/// is not what it used to be.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct PortoneWebhook {
    /// `Transaction.Paid`, `Transaction.Cancelled`, …
    #[serde(rename = "type")]
    event_type: String,
    /// When it happened.
    #[serde(default, deserialize_with = "readable")]
    timestamp: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "readable")]
    data: Option<WebhookData>,
}

/// Whom it is about.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookData {
    /// Our payment's id without hyphens.
    #[serde(default, deserialize_with = "readable")]
    payment_id: Option<String>,
    /// Our store.
    #[serde(default, deserialize_with = "readable")]
    store_id: Option<String>,
}

/// The value, or nothing where it is something else.
fn readable<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
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
    let data = webhook.data.unwrap_or_default();
    let foreign = data.store_id.is_some_and(|store| store != state.portone.store_id());
    let delivery = NewDelivery {
        webhook_id: headers.id,
        event_type,
        payment_id: data.payment_id.as_deref().and_then(plain),
        event_at: webhook.timestamp,
        outcome: needs_nothing(event_type, foreign),
    };
    let mut connection = state.db.acquire().await?;
    if webhook_deliveries::insert(&mut connection, &delivery).await? {
        crash::point("payment.webhook.stored");
        state.webhook_stored.notify_one();
    }
    Ok(Json(Stored {}))
}

/// Events that tell of no payment, of one whose window was only opened, or of another store's. A new kind of transaction
/// event is none of them: it names a payment, about which asking does no harm.
fn needs_nothing(event_type: &str, foreign: bool) -> Option<&'static str> {
    if foreign {
        return Some("FOREIGN_STORE");
    }
    (!event_type.starts_with("Transaction.") || event_type == "Transaction.Ready").then_some("IGNORED")
}

/// The text, if it can be stored.
fn plain(text: &str) -> Option<&str> {
    Some(text).filter(|text| text.chars().count() <= MAX_CHARS && !text.chars().any(char::is_control))
}
