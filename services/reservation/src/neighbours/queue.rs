use chrono::{DateTime, Utc};
use common::client::{ClientError, ServiceClient};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use uuid::Uuid;

/// How many calls are under way at once. When a crowd comes in the same moment, the rest wait for their turn here and not
/// at the queue service, where their time-outs would run meanwhile: they would all be refused for a service that is up.
const AT_ONCE: usize = 32;

/// Asks the queue service about tokens.
pub(crate) struct QueueClient {
    client: ServiceClient,
    turns: Semaphore,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Validate<'a> {
    token: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    user_id: Uuid,
    event_id: Uuid,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Validation {
    valid: bool,
    #[serde(default)]
    grant_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Issue {
    user_id: Uuid,
    event_id: Uuid,
    reservation_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold_expires_at: Option<DateTime<Utc>>,
}

/// A token with which one reservation may be paid.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentToken {
    /// `qp_…`, for `X-Queue-Token` at `POST /payments`.
    #[schema(example = "qp_3q2-7wAAAAD6zr66vu8")]
    pub(crate) payment_token: String,
    /// Until when it is good.
    pub(crate) expires_at: DateTime<Utc>,
}

impl QueueClient {
    pub(crate) fn new(client: ServiceClient) -> Self {
        Self {
            client,
            turns: Semaphore::new(AT_ONCE),
        }
    }

    /// The grant that names this `qr_` token for that user and event; nothing if none does.
    pub(crate) async fn grant(
        &self,
        token: &str,
        user_id: Uuid,
        event_id: Uuid,
    ) -> Result<Option<String>, ClientError> {
        let body = Validate {
            token,
            kind: "RESERVATION",
            user_id,
            event_id,
        };
        let validation: Validation = self.post("/internal/queue/tokens/validate", &body).await?;
        Ok(validation.grant_id.filter(|_| validation.valid))
    }

    /// A fresh `qp_` token. With `hold_expires_at` the buyer's place lasts until the hold has ended.
    pub(crate) async fn issue_payment_token(
        &self,
        user_id: Uuid,
        event_id: Uuid,
        reservation_id: Uuid,
        hold_expires_at: Option<DateTime<Utc>>,
    ) -> Result<PaymentToken, ClientError> {
        let body = Issue {
            user_id,
            event_id,
            reservation_id,
            hold_expires_at,
        };
        self.post("/internal/queue/payment-tokens", &body).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        // It is never closed; without a turn a call would still be right.
        let _turn = self.turns.acquire().await;
        self.client.post(path, body).await
    }
}
