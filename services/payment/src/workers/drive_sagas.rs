use common::{crash, lifecycle::Shutdown};
use tokio::sync::Notify;

use super::{BATCH, Tools, work};
use crate::{
    db::{self, sagas::Stuck},
    domain::{PaymentStatus, RefundReason, ReservationStatus},
};

/// Drives on bookings that were paid and of which nothing was heard since: their message, or the answer to it, may lie
/// among the dead letters. The reservation itself is asked where it stands. One that is gone, because its database is an old
/// backup's, is told of the payment again like one that is still pending: the answer sends the money back.
pub(crate) async fn drive_sagas(tools: Tools, shutdown: Shutdown) {
    let never_woken = Notify::new();
    let take = || async {
        let mut connection = tools.db.acquire().await?;
        db::sagas::claim_stuck(&mut connection, tools.rules.saga_stuck_after, BATCH).await
    };
    let each = |stuck| drive(tools.clone(), stuck);
    work("drive-sagas", tools.rules.poll, &never_woken, shutdown, take, each).await;
}

async fn drive(tools: Tools, stuck: Stuck) -> anyhow::Result<()> {
    let Some(reservation) = tools.reservations.find(stuck.reservation_id, stuck.user_id).await? else {
        tracing::error!(
            payment.id = %stuck.payment_id,
            reservation.id = %stuck.reservation_id,
            saga.nudges = stuck.nudges,
            "there is no reservation for a payment; its service is told again, and sends the money back"
        );
        return Ok(tools.settlement.repeat_success(stuck.payment_id).await?);
    };
    tracing::warn!(
        payment.id = %stuck.payment_id,
        reservation.id = %stuck.reservation_id,
        reservation.status = reservation.status.as_str(),
        saga.nudges = stuck.nudges,
        "a paid booking is stuck and is driven on"
    );
    crash::point("payment.stuck-saga.asked");
    let status = reservation.status;
    if status == ReservationStatus::Pending {
        return Ok(tools.settlement.repeat_success(stuck.payment_id).await?);
    }
    let mut transaction = tools.db.begin().await?;
    db::sagas::note_reservation(&mut transaction, stuck.reservation_id, status, reservation.version).await?;
    if status == ReservationStatus::Confirmed {
        db::sagas::confirm(&mut transaction, stuck.reservation_id, stuck.payment_id).await?;
    } else if let Some(payment) = db::payments::lock_live(&mut transaction, stuck.reservation_id).await?
        && payment.status == PaymentStatus::Success
    {
        let reason = RefundReason::ReservationCancelled;
        tools
            .settlement
            .request_refund(&mut transaction, &payment, payment.amount, reason)
            .await?;
    }
    transaction.commit().await?;
    tools.settlement.refund_due.notify_one();
    Ok(())
}
