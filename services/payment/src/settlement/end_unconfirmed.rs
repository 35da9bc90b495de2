use sqlx::PgConnection;
use uuid::Uuid;

use super::Settlement;
use crate::{
    db,
    domain::{FailureReason, Payment, PaymentStatus, SagaStep},
    metrics,
};

impl Settlement {
    /// Ends a payment that was never confirmed, without a message: it holds no lock and nothing was charged. One whose
    /// confirm has begun meanwhile, or that has ended, stays as it is.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn end_unconfirmed(&self, payment: Uuid, reason: FailureReason) -> Result<(), sqlx::Error> {
        let (mut transaction, locked) = self.lock(payment).await?;
        end_if_unconfirmed(&mut transaction, &locked.payment, reason).await?;
        self.commit(transaction).await
    }
}

/// As [`Settlement::end_unconfirmed`], for a payment that the caller's transaction holds.
pub(crate) async fn end_if_unconfirmed(
    connection: &mut PgConnection,
    payment: &Payment,
    reason: FailureReason,
) -> Result<bool, sqlx::Error> {
    if payment.status != PaymentStatus::Pending || payment.confirm_started_at.is_some() {
        return Ok(false);
    }
    db::payments::fail(connection, payment.id, reason, None, &[]).await?;
    db::sagas::enter(connection, payment, SagaStep::Failed, None).await?;
    metrics::payment_failed(reason);
    Ok(true)
}
