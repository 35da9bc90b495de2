use common::client::{ClientError, ServiceClient};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Asks the queue service about payment tokens.
pub(crate) struct QueueClient(pub(crate) ServiceClient);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    token: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    user_id: Uuid,
    event_id: Uuid,
    reservation_id: Uuid,
}

#[derive(Deserialize)]
struct Reply {
    valid: bool,
}

impl QueueClient {
    /// Whether a `qp_` token entitles this user to pay for this reservation.
    ///
    /// # Errors
    /// [`ClientError`]; a queue service without its Redis is an error, never a `false`.
    pub(crate) async fn is_payment_token_valid(
        &self,
        token: &str,
        user_id: Uuid,
        event_id: Uuid,
        reservation_id: Uuid,
    ) -> Result<bool, ClientError> {
        let request = Request {
            token,
            kind: "PAYMENT",
            user_id,
            event_id,
            reservation_id,
        };
        let reply: Reply = self.0.post("/internal/queue/tokens/validate", &request).await?;
        Ok(reply.valid)
    }
}
