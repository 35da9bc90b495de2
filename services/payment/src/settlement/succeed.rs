use sqlx::PgConnection;

use super::{Settlement, message};
use crate::{
    db::{self, payments::Locked},
    domain::{RefundReason, ReservationStatus, SagaStep},
    portone::PortonePayment,
};

impl Settlement {
    /// Step 5 of the confirm: SUCCESS, the saga and PaymentSuccess are one commit (design.md §8.3).
    ///
    /// A reservation that is known to be cancelled by now is told all the same, since it is what knows best; but the money
    /// need not wait for its answer.
    pub(super) async fn succeed(
        &self,
        connection: &mut PgConnection,
        locked: &Locked,
        found: &PortonePayment,
    ) -> Result<(), sqlx::Error> {
        let payment = &locked.payment;
        let paid_at = db::payments::succeed(connection, payment.id, found).await?;
        db::sagas::enter(connection, payment, SagaStep::Paid, self.stuck_after()).await?;
        outbox::enqueue(connection, &message::success(payment, &found.transaction_id, paid_at)).await?;
        if locked.reservation_status == ReservationStatus::Cancelled {
            self.request_refund(connection, payment, payment.amount, RefundReason::ReservationCancelled)
                .await?;
        }
        Ok(())
    }

    /// Says PaymentSuccess once more, for a saga that is stuck. The reservation service knows what it has done already.
    /// While the first is still on its way, because Kafka is down, nothing is added to the queue behind it.
    pub(crate) async fn repeat_success(&self, payment: uuid::Uuid) -> Result<(), sqlx::Error> {
        let (mut transaction, locked) = self.lock(payment).await?;
        let payment = &locked.payment;
        if payment.status == crate::domain::PaymentStatus::Success
            && let (Some(transaction_id), Some(paid_at)) = (&payment.portone_transaction_id, payment.paid_at)
            && !db::sagas::is_message_waiting(&mut transaction, payment.id).await?
        {
            outbox::enqueue(&mut transaction, &message::success(payment, transaction_id, paid_at)).await?;
        }
        self.commit(transaction).await
    }
}
