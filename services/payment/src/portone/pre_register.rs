use super::{PortoneClient, PortoneError};
use crate::domain::{CURRENCY, portone_id};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    store_id: &'a str,
    total_amount: i64,
    currency: &'a str,
}

/// PortOne answers with an object in which nothing matters to us.
#[derive(Deserialize)]
struct Reply {}

impl PortoneClient {
    /// Tells PortOne what the buyer will be asked to pay, so that a tampered window is refused. It may be said again.
    ///
    /// # Errors
    /// [`PortoneError`].
    pub(crate) async fn pre_register(&self, payment: Uuid, amount: i64) -> Result<(), PortoneError> {
        let path = format!("/payments/{}/pre-register", portone_id(payment));
        let request = Request {
            store_id: self.store_id(),
            total_amount: amount,
            currency: CURRENCY,
        };
        let Reply {} = self.post("pre_register", &path, &request, None).await?;
        Ok(())
    }
}
