use super::{IdempotencyKey, PortoneClient, PortoneError};
use crate::domain::{CURRENCY, portone_id};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The manual approval: the one call that charges the buyer.
pub(crate) struct Confirm<'a> {
    pub(crate) payment: Uuid,
    /// What the window gave the buyer.
    pub(crate) token: &'a str,
    /// Won. PortOne compares it with what the buyer authorised.
    pub(crate) amount: i64,
    /// Whether the channel must be one that moves no real money.
    pub(crate) is_test: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    payment_token: &'a str,
    store_id: &'a str,
    total_amount: i64,
    currency: &'a str,
    is_test: bool,
}

/// The summary that comes back is not used: what counts is what a GET says afterwards.
#[derive(Deserialize)]
struct Reply {}

impl PortoneClient {
    /// Charges the buyer.
    ///
    /// # Errors
    /// [`PortoneError`]; most of them leave open whether the money was taken.
    pub(crate) async fn confirm(&self, confirm: &Confirm<'_>) -> Result<(), PortoneError> {
        let path = format!("/payments/{}/confirm", portone_id(confirm.payment));
        let request = Request {
            payment_token: confirm.token,
            store_id: self.store_id(),
            total_amount: confirm.amount,
            currency: CURRENCY,
            is_test: confirm.is_test,
        };
        let key = IdempotencyKey::confirm(confirm.payment);
        let Reply {} = self.post("confirm", &path, &request, Some(&key)).await?;
        Ok(())
    }
}
