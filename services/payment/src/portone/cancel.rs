use super::{IdempotencyKey, PortoneClient, PortoneError, payment::Cancellation};
use crate::domain::portone_id;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Giving back all that is left.
pub(crate) struct Cancel<'a> {
    pub(crate) payment: Uuid,
    pub(crate) refund: Uuid,
    /// Which try of the refund this is.
    pub(crate) attempt: i32,
    /// A stable code; PortOne shows it to the shop.
    pub(crate) reason: &'a str,
    /// Won that a GET has just shown to be left. PortOne refuses when it is not so any more.
    pub(crate) cancellable: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    store_id: &'a str,
    reason: &'a str,
    current_cancellable_amount: i64,
}

#[derive(Deserialize)]
struct Reply {
    cancellation: Cancellation,
}

impl PortoneClient {
    /// Gives the money back. A success of the call is none of the refund: the cancellation's status tells.
    ///
    /// # Errors
    /// [`PortoneError`].
    pub(crate) async fn cancel(&self, cancel: &Cancel<'_>) -> Result<Cancellation, PortoneError> {
        let path = format!("/payments/{}/cancel", portone_id(cancel.payment));
        let request = Request {
            store_id: self.store_id(),
            reason: cancel.reason,
            current_cancellable_amount: cancel.cancellable,
        };
        let key = IdempotencyKey::cancel(cancel.refund, cancel.attempt);
        Ok(self
            .post::<Reply>("cancel", &path, &request, Some(&key))
            .await?
            .cancellation)
    }
}
