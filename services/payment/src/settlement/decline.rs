use uuid::Uuid;

use super::Settlement;
use crate::{
    db,
    domain::{FailureReason, Payment, PaymentStatus},
    metrics,
};

impl Settlement {
    /// PortOne refused the payment token, so nothing was charged: FAILED, and the reservation is told. A payment that has
    /// been decided meanwhile stays as it is. Returns the payment as it is then.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn decline(&self, payment: Uuid) -> Result<Payment, sqlx::Error> {
        let (mut transaction, locked) = self.lock(payment).await?;
        if locked.payment.status == PaymentStatus::Pending {
            self.fail(&mut transaction, &locked.payment, FailureReason::Declined, None)
                .await?;
            metrics::payment_failed(FailureReason::Declined);
        }
        let payment = db::payments::find(&mut transaction, payment)
            .await?
            .ok_or(sqlx::Error::RowNotFound)?;
        self.commit(transaction).await?;
        self.unlock_due.notify_one();
        Ok(payment)
    }
}
