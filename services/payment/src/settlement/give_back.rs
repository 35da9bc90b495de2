use sqlx::PgConnection;

use super::{Settlement, fail::database_time, message};
use crate::{
    db,
    domain::{FailureReason, Payment, PaymentStatus, RefundReason, SagaStep},
    portone::PortonePayment,
};

impl Settlement {
    /// A capture that we must not keep: the payment is or becomes FAILED, and all of it is refunded. The reservation is
    /// told if it may be locked for the payment, so that its seats become free.
    pub(super) async fn give_back(
        &self,
        connection: &mut PgConnection,
        payment: &Payment,
        failure: FailureReason,
        refund: RefundReason,
        found: &PortonePayment,
    ) -> Result<(), sqlx::Error> {
        db::payments::fail_captured(connection, payment.id, failure, found).await?;
        if payment.status == PaymentStatus::Pending {
            db::sagas::enter(connection, payment, SagaStep::Failed, None).await?;
            if payment.confirm_started_at.is_some() {
                let now = database_time(connection).await?;
                outbox::enqueue(connection, &message::failed(payment, failure, now)).await?;
            }
        }
        tracing::warn!(
            payment.id = %payment.id,
            refund.reason = refund.as_str(),
            portone.status = ?found.status,
            "PortOne took money that is not ours to keep"
        );
        self.request_refund(connection, payment, found.amount.total, refund)
            .await
    }
}
