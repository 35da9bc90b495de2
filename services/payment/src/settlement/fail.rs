use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Settlement, message};
use crate::{
    db,
    domain::{FailureReason, Payment, PaymentStatus, SagaStep},
    metrics,
    portone::PortonePayment,
};

impl Settlement {
    /// PENDING → FAILED of a payment whose confirm had begun: the reservation may be locked for it, and is told. A
    /// decline that is not the buyer's last only gives the lock back, so that the hold stays.
    pub(super) async fn fail(
        &self,
        connection: &mut PgConnection,
        payment: &Payment,
        reason: FailureReason,
        found: Option<&PortonePayment>,
    ) -> Result<(), sqlx::Error> {
        db::payments::fail(connection, payment.id, reason, found, &self.rules.rereads).await?;
        db::sagas::enter(connection, payment, SagaStep::Failed, None).await?;
        if reason == FailureReason::Declined {
            let declines = db::payments::count_declines(connection, payment.reservation_id).await?;
            if declines < i64::from(self.rules.max_declines) {
                return db::unlocks::schedule(connection, payment.id).await;
            }
        }
        let now = database_time(connection).await?;
        outbox::enqueue(connection, &message::failed(payment, reason, now)).await?;
        Ok(())
    }

    /// PENDING → FAILED of a payment that does not hold the reservation's lock for certain, or whose lock is given back
    /// here: nothing was charged and there is nothing to tell. A payment that has been decided meanwhile stays as it is.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn fail_uncharged(
        &self,
        payment: Uuid,
        reason: FailureReason,
        lock: HeldLock,
    ) -> Result<(), sqlx::Error> {
        let (mut transaction, locked) = self.lock(payment).await?;
        if locked.payment.status != PaymentStatus::Pending {
            return transaction.rollback().await;
        }
        db::payments::fail(&mut transaction, payment, reason, None, &[]).await?;
        db::sagas::enter(&mut transaction, &locked.payment, SagaStep::Failed, None).await?;
        if lock == HeldLock::GiveBack {
            db::unlocks::schedule(&mut transaction, payment).await?;
        }
        self.commit(transaction).await?;
        self.unlock_due.notify_one();
        metrics::payment_failed(reason);
        Ok(())
    }
}

/// Whether a payment that fails holds the reservation's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeldLock {
    /// It was refused.
    None,
    /// It does, or may.
    GiveBack,
}

pub(super) async fn database_time(connection: &mut PgConnection) -> Result<DateTime<Utc>, sqlx::Error> {
    sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#)
        .fetch_one(connection)
        .await
}
