use common::client::{ClientError, ServiceClient};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

/// Asks the reservation service, which alone knows who has a claim on a concert.
#[derive(Clone)]
pub(crate) struct ReservationClient(pub(crate) ServiceClient);

/// Who has a claim on a concert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Claims {
    /// Whether anybody has one.
    pub(crate) exists: bool,
    /// Whether nobody can get one any more.
    pub(crate) closed: bool,
}

impl ReservationClient {
    /// The concert's claims.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(crate) async fn claims(&self, event_id: Uuid) -> Result<Claims, ClientError> {
        self.0.get(&path(event_id)).await
    }

    /// The concert's claims. Whoever has none gets none by an older version of the concert than `version` any more.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(crate) async fn claims_from(&self, event_id: Uuid, version: i64) -> Result<Claims, ClientError> {
        let path = format!("{}/version", path(event_id));
        self.0.post(&path, &json!({ "version": version })).await
    }

    /// Closes the concert if nobody has a claim on it, for good. Repeating it does nothing.
    ///
    /// # Errors
    /// [`ClientError`]; it may be closed then.
    pub(crate) async fn close_unclaimed(&self, event_id: Uuid) -> Result<Claims, ClientError> {
        self.0.post(&path(event_id), &json!({})).await
    }
}

fn path(event_id: Uuid) -> String {
    format!("/internal/reservations/exists/{event_id}")
}
