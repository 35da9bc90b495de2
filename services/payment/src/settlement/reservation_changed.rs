use uuid::Uuid;

use super::{Settlement, end_if_unconfirmed};
use crate::{
    db,
    domain::{FailureReason, PaymentStatus, ReservationStatus},
};

impl Settlement {
    /// The reservation has other seats since `version`: a payment that was begun for the old ones ends, unless its confirm
    /// has begun. Then the lock decides, which compares amount and seats. Without a message: nothing was charged, and the
    /// reservation is not locked for it.
    ///
    /// A payment that knows this version or a newer one is for the new seats and stays, so that a late or repeated call
    /// does no harm.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn reservation_changed(&self, reservation: Uuid, version: i64) -> Result<(), sqlx::Error> {
        let mut transaction = self.db.begin().await?;
        let status = ReservationStatus::Pending;
        if !db::sagas::note_reservation(&mut transaction, reservation, status, version).await? {
            // Nobody ever began to pay for it.
            return transaction.rollback().await;
        }
        if let Some(payment) = db::payments::lock_live(&mut transaction, reservation).await?
            && payment.status == PaymentStatus::Pending
            && payment.reservation_version < version
            && end_if_unconfirmed(&mut transaction, &payment, FailureReason::ReservationChanged).await?
        {
            tracing::info!(payment.id = %payment.id, "a payment ends because its reservation has other seats");
        }
        self.commit(transaction).await
    }
}
