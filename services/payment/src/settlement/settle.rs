use uuid::Uuid;

use super::Settlement;
use crate::{
    db,
    domain::{Occasion, Payment, Verdict, judge},
    metrics,
    portone::PortonePayment,
};

impl Settlement {
    /// Judges a payment by what PortOne has just said of it, does what follows, and returns the payment as it is then.
    /// `found` is `None` where PortOne does not know the payment.
    ///
    /// # Errors
    /// When the database fails; nothing has happened then, or a COMMIT's reply was lost and it has.
    pub(crate) async fn settle(
        &self,
        payment: Uuid,
        found: Option<&PortonePayment>,
        occasion: Occasion,
    ) -> Result<Payment, sqlx::Error> {
        let (mut transaction, locked) = self.lock(payment).await?;
        let verdict = judge(
            &locked.payment,
            locked.has_refund,
            found,
            occasion,
            locked.elapsed,
            &self.rules.expectation,
        );
        let connection = &mut *transaction;
        match (verdict, found) {
            (Verdict::Succeed, Some(found)) => self.succeed(connection, &locked, found).await?,
            (Verdict::Fail(reason), _) => self.fail(connection, &locked.payment, reason, found).await?,
            (Verdict::GiveBack(failure, refund), Some(found)) => {
                self.give_back(connection, &locked.payment, failure, refund, found)
                    .await?;
            }
            (Verdict::Compensate, Some(found)) => self.compensate(connection, &locked.payment, found).await?,
            (Verdict::PartlyRefunded, Some(found)) => {
                db::payments::record_answer(connection, payment, found).await?;
                metrics::alarm("partly_refunded_by_hand");
                tracing::error!(
                    payment.id = %payment,
                    refund.amount = found.amount.cancelled,
                    "a part of a payment was given back at PortOne by hand; the reservation stays"
                );
            }
            (Verdict::RefundShows, _) => db::refunds::hurry(connection, payment).await?,
            (Verdict::Wait, _) => {
                db::checks::again_after(connection, payment, self.rules.reconcile_interval).await?;
            }
            (Verdict::Contradiction, _) => {
                metrics::alarm("capture_denied");
                tracing::error!(
                    payment.id = %payment,
                    portone.status = ?found.map(|found| &found.status),
                    "PortOne does not know of a capture that it had shown"
                );
            }
            // The verdicts above that need PortOne's facts are only reached with them.
            (
                Verdict::Keep
                | Verdict::Succeed
                | Verdict::GiveBack(..)
                | Verdict::Compensate
                | Verdict::PartlyRefunded,
                _,
            ) => {
                db::checks::at_next_reread(connection, payment, &self.rules.rereads).await?;
            }
        }
        let payment = db::payments::find(connection, payment)
            .await?
            .ok_or(sqlx::Error::RowNotFound)?;
        self.commit(transaction).await?;
        if payment.status != locked.payment.status {
            metrics::payment_ended(&payment);
            tracing::info!(
                payment.id = %payment.id,
                payment.status = payment.status.as_str(),
                payment.failure = payment.failure_reason.as_deref(),
                "a payment is decided"
            );
        }
        if matches!(verdict, Verdict::Succeed | Verdict::GiveBack(..) | Verdict::RefundShows) {
            self.refund_due.notify_one();
        }
        if matches!(verdict, Verdict::Fail(_)) {
            self.unlock_due.notify_one();
        }
        Ok(payment)
    }
}
