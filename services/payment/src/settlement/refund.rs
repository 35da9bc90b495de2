use uuid::Uuid;

use super::{Settlement, message};
use crate::{
    db,
    domain::{RefundStatus, SagaStep},
    metrics,
    portone::PortonePayment,
};

impl Settlement {
    /// PortOne shows that the whole amount went back: the refund SUCCEEDED, the payment is REFUNDED, the reservation
    /// service is told. Done before, it does nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn complete_refund(&self, payment: Uuid, found: &PortonePayment) -> Result<(), sqlx::Error> {
        let (mut transaction, locked) = self.lock(payment).await?;
        let refund = db::refunds::lock(&mut transaction, payment)
            .await?
            .ok_or(sqlx::Error::RowNotFound)?;
        if matches!(refund.status, RefundStatus::Succeeded | RefundStatus::Failed) {
            return transaction.rollback().await;
        }
        let completed_at = db::refunds::succeed(&mut transaction, payment, found.cancelled_at).await?;
        db::payments::refunded(&mut transaction, payment, found).await?;
        db::sagas::enter(&mut transaction, &locked.payment, SagaStep::Refunded, None).await?;
        let refunded = message::refunded(
            &locked.payment,
            refund.amount,
            &refund.reason,
            Some(refund.requested_at),
            completed_at,
        );
        outbox::enqueue(&mut transaction, &refunded).await?;
        self.commit(transaction).await?;
        metrics::refunded();
        tracing::info!(payment.id = %payment, refund.reason = refund.reason, "a payment is refunded");
        Ok(())
    }
}
