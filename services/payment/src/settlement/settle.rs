use common::traces;
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

use super::Settlement;
use crate::{
    db::{self, payments::Locked},
    domain::{Occasion, Payment, PaymentStatus, Verdict, judge},
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
        let apply = self.apply(&mut transaction, &locked, verdict, found, occasion);
        match &locked.origin {
            // A webhook, or the reconciler. What follows for the buyer is part of the buyer's confirm all the same.
            Some(origin) if verdict != Verdict::Keep && !origin.is_current() => {
                traces::resumed(origin, "settle-payment", async {
                    traces::note("payment.id", || payment.to_string());
                    apply.await
                })
                .await?;
            }
            _ => apply.await?,
        }
        let settled = db::payments::find(&mut transaction, payment)
            .await?
            .ok_or(sqlx::Error::RowNotFound)?;
        self.commit(transaction).await?;
        self.announce(locked.payment.status, &settled, verdict);
        Ok(settled)
    }

    async fn apply(
        &self,
        connection: &mut PgConnection,
        locked: &Locked,
        verdict: Verdict,
        found: Option<&PortonePayment>,
        occasion: Occasion,
    ) -> Result<(), sqlx::Error> {
        let payment = &locked.payment;
        match (verdict, found) {
            (Verdict::Succeed, Some(found)) => self.succeed(connection, locked, found).await,
            (Verdict::Fail(reason), _) => self.fail(connection, payment, reason, found).await,
            (Verdict::GiveBack(failure, refund), Some(found)) => {
                self.give_back(connection, payment, failure, refund, found).await
            }
            (Verdict::Compensate, Some(found)) => self.compensate(connection, payment, found).await,
            (Verdict::RefundShows, _) => db::refunds::hurry(connection, payment.id).await,
            (Verdict::PartlyRefunded, Some(found)) => {
                metrics::alarm("partly_refunded_by_hand");
                tracing::error!(
                    payment.id = %payment.id,
                    refund.amount = found.amount.cancelled,
                    "a part of a payment was given back at PortOne by hand; the reservation stays"
                );
                db::payments::record_answer(connection, payment.id, found).await?;
                self.look_later(connection, locked, Some(found)).await
            }
            (Verdict::Puzzled, _) => {
                metrics::alarm("unknown_word");
                tracing::error!(
                    payment.id = %payment.id,
                    portone.status = ?found.map(|found| &found.status),
                    portone.channel = ?found.and_then(|found| found.channel.as_ref()).map(|channel| &channel.kind),
                    "PortOne says of a payment what this release does not know; nothing is decided"
                );
                if payment.status == PaymentStatus::Pending {
                    self.ask_again(connection, payment).await
                } else {
                    self.look_later(connection, locked, found).await
                }
            }
            (Verdict::Contradiction, _) => self.denied(connection, locked, found, occasion).await,
            (Verdict::Wait, _) => {
                if locked.elapsed >= Some(self.rules.expectation.not_charged_after) {
                    metrics::alarm("outcome_unknown");
                    tracing::error!(
                        payment.id = %payment.id,
                        portone.status = ?found.map(|found| &found.status),
                        "the outcome of a payment is unknown for long"
                    );
                }
                self.ask_again(connection, payment).await
            }
            // The verdicts above that need PortOne's facts are only reached with them.
            (
                Verdict::Keep
                | Verdict::Succeed
                | Verdict::GiveBack(..)
                | Verdict::Compensate
                | Verdict::PartlyRefunded,
                _,
            ) => self.look_later(connection, locked, found).await,
        }
    }

    /// PortOne denies a capture. It may have been asked before the capture, of which we learned while its answer was under
    /// way: so it is asked again at once. What it says then counts, since nobody had it asked before the capture was known.
    async fn denied(
        &self,
        connection: &mut PgConnection,
        locked: &Locked,
        found: Option<&PortonePayment>,
        occasion: Occasion,
    ) -> Result<(), sqlx::Error> {
        let payment = &locked.payment;
        // The capture ended the watch: one that lasts was begun after it, and this is its question, but for two such answers
        // at once.
        if occasion != Occasion::Check || !locked.is_watched {
            return db::checks::again_after(connection, payment.id, Duration::ZERO, Duration::ZERO).await;
        }
        metrics::alarm("capture_denied");
        tracing::error!(
            payment.id = %payment.id,
            portone.status = ?found.map(|found| &found.status),
            "PortOne does not know of a capture that it had shown"
        );
        self.look_later(connection, locked, found).await
    }

    /// The outcome is open: PortOne is asked again soon.
    async fn ask_again(&self, connection: &mut PgConnection, payment: &Payment) -> Result<(), sqlx::Error> {
        let (interval, first) = (self.rules.reconcile_interval, self.rules.expectation.decide_after);
        db::checks::again_after(connection, payment.id, interval, first).await
    }

    /// Nothing is awaited but late captures, and the end of what somebody began to give back by hand: that one's webhook
    /// may get lost, and PortOne has none for a cancellation that fails.
    async fn look_later(
        &self,
        connection: &mut PgConnection,
        locked: &Locked,
        found: Option<&PortonePayment>,
    ) -> Result<(), sqlx::Error> {
        let payment = &locked.payment;
        let by_hand = payment.status == PaymentStatus::Success && !locked.has_refund;
        if by_hand && found.is_some_and(PortonePayment::cancellation_pending) {
            let (interval, first) = (self.rules.cancellation_interval, self.rules.expectation.decide_after);
            return db::checks::again_after(connection, payment.id, interval, first).await;
        }
        db::checks::at_next_reread(connection, payment.id, &self.rules.rereads).await
    }

    /// Once it is committed.
    fn announce(&self, before: PaymentStatus, payment: &Payment, verdict: Verdict) {
        if payment.status != before {
            metrics::payment_ended(payment);
            tracing::info!(
                payment.id = %payment.id,
                payment.status = payment.status.as_str(),
                payment.failure = payment.failure_reason.as_deref(),
                "a payment is decided"
            );
        }
        match verdict {
            Verdict::Succeed | Verdict::GiveBack(..) | Verdict::RefundShows => self.refund_due.notify_one(),
            Verdict::Fail(_) => self.unlock_due.notify_one(),
            _ => {}
        }
    }
}
