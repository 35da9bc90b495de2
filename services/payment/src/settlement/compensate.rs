use sqlx::PgConnection;

use super::{Settlement, fail::database_time, message};
use crate::{
    db,
    domain::{Payment, RefundReason, SagaStep},
    portone::PortonePayment,
};

impl Settlement {
    /// Somebody gave the whole amount back at PortOne: our books follow, and the reservation must go (design.md §8.4).
    pub(super) async fn compensate(
        &self,
        connection: &mut PgConnection,
        payment: &Payment,
        found: &PortonePayment,
    ) -> Result<(), sqlx::Error> {
        let reason = RefundReason::RefundedAtPortone;
        let completed_at =
            db::refunds::record_done(connection, payment.id, payment.amount, reason, found.cancelled_at).await?;
        db::payments::refunded(connection, payment.id, found).await?;
        db::sagas::enter(connection, payment, SagaStep::Compensated, None).await?;
        let now = database_time(connection).await?;
        outbox::enqueue(connection, &message::compensate(payment, now)).await?;
        let refunded = message::refunded(payment, payment.amount, reason.as_str(), None, completed_at);
        outbox::enqueue(connection, &refunded).await?;
        Ok(())
    }
}
