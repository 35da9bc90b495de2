use super::{PortoneClient, PortoneError, PortonePayment, Refusal};
use crate::domain::portone_id;
use uuid::Uuid;

impl PortoneClient {
    /// What PortOne knows of the payment; `None` if it does not know it, which is so until its window was opened.
    ///
    /// # Errors
    /// [`PortoneError`], also when the answer is about another payment.
    pub(crate) async fn get_payment(&self, payment: Uuid) -> Result<Option<PortonePayment>, PortoneError> {
        let id = portone_id(payment);
        let path = format!("/payments/{id}");
        match self
            .get::<PortonePayment>("get", &path, &[("storeId", self.store_id())])
            .await
        {
            Ok(found) if found.id == id => Ok(Some(found)),
            Ok(_) => Err(PortoneError::NoAnswer {
                reason: "the answer is about another payment".to_owned(),
            }),
            Err(error) if error.refusal() == Some(&Refusal::PaymentNotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
