//! Where outcomes are written: one transaction per outcome, holding the payment, its refund, the saga and the messages.
//!
//! Whoever learned something (the confirm, the reconciler, a webhook, the refund worker, a message of the reservation
//! service) comes here with it. The booking's saga row is locked first and everything is judged under that lock, so it does
//! not matter who comes first, how often, or in which order (I2, I5).

mod compensate;
mod decline;
mod end_unconfirmed;
mod fail;
mod give_back;
mod message;
mod refund;
mod reservation_changed;
mod settle;
mod succeed;

pub(crate) use end_unconfirmed::end_if_unconfirmed;
pub(crate) use fail::HeldLock;
use outbox::Outbox;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    config::Rules,
    db::{self, payments::Locked},
    domain::{Payment, RefundReason, SagaStep},
};

/// Writes outcomes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Settlement {
    db: PgPool,
    outbox: Outbox,
    rules: Arc<Rules>,
    /// Wakes this process's refund worker.
    pub(crate) refund_due: Arc<Notify>,
    /// Wakes this process's worker that gives locks back.
    pub(crate) unlock_due: Arc<Notify>,
}

impl Settlement {
    pub(crate) fn new(db: PgPool, outbox: Outbox, rules: Arc<Rules>) -> Self {
        Self {
            db,
            outbox,
            rules,
            refund_due: Arc::default(),
            unlock_due: Arc::default(),
        }
    }

    /// The same with the connections of another pool.
    pub(crate) fn on(&self, db: &PgPool) -> Self {
        Self {
            db: db.clone(),
            ..self.clone()
        }
    }

    /// Begins a transaction that holds the payment, and its booking's saga, locked.
    async fn lock(&self, payment: Uuid) -> Result<(Transaction<'static, Postgres>, Locked), sqlx::Error> {
        let mut transaction = self.db.begin().await?;
        let locked = db::payments::lock(&mut transaction, payment)
            .await?
            .ok_or(sqlx::Error::RowNotFound)?;
        Ok((transaction, locked))
    }

    async fn commit(&self, transaction: Transaction<'_, Postgres>) -> Result<(), sqlx::Error> {
        self.outbox.commit(transaction).await
    }

    /// Asks for the payment's refund, in the caller's transaction. Several reasons make one refund.
    pub(crate) async fn request_refund(
        &self,
        connection: &mut PgConnection,
        payment: &Payment,
        amount: i64,
        reason: RefundReason,
    ) -> Result<(), sqlx::Error> {
        let requested =
            db::refunds::request(connection, payment.id, amount, reason, self.rules.refund_retry_for).await?;
        if requested {
            db::sagas::enter(connection, payment, SagaStep::Refunding, None).await?;
            tracing::info!(payment.id = %payment.id, refund.reason = reason.as_str(), "a refund is requested");
        }
        Ok(())
    }

    /// How long a paid booking may go without news before it counts as stuck.
    fn stuck_after(&self) -> Option<Duration> {
        Some(self.rules.saga_stuck_after)
    }
}
