//! Refunds that were asked for long ago.

use super::{ended::Ended, reservations::word};
use crate::domain::CancelReason;
use messages::ReservationCancelled;
use sqlx::PgConnection;
use std::time::Duration;

/// Takes up to `limit` confirmed reservations that were cancelled and whose money has not come back within `after`, longest
/// due first, and returns what was told of their end. Each comes up again when it has waited for as long again, at least
/// `after` and at most a day: a refund that an operator must see to is no work of ours. One of which a message has not left
/// yet only waits for its next turn.
pub(crate) async fn claim_long_due(
    connection: &mut PgConnection,
    after: Duration,
    limit: i64,
) -> Result<Vec<ReservationCancelled>, sqlx::Error> {
    let due = sqlx::query!(
        r#"
            update reservation_service.reservations as reservation
            set refund_remind_at = clock_timestamp() + least(
                greatest(clock_timestamp() - refund_requested_at, make_interval(secs => $1)),
                interval '1 day'
            )
            where id in (
                select id
                from reservation_service.reservations
                where status = 'CANCELLED'
                    and refund_status = 'REQUESTED'
                    and confirmed_at is not null
                    and coalesce(refund_remind_at, refund_requested_at) <= clock_timestamp()
                    and refund_requested_at <= clock_timestamp() - make_interval(secs => $1)
                order by coalesce(refund_remind_at, refund_requested_at)
                limit $2
                for update skip locked
            )
            returning
                reservation.id as "id!",
                reservation.user_id as "user_id!",
                reservation.event_id as "event_id!",
                reservation.total_amount as "total_amount!",
                reservation.payment_id,
                reservation.version as "version!",
                reservation.grant_id,
                reservation.cancelled_at as "cancelled_at!",
                reservation.cancel_reason as "cancel_reason!",
                array(
                    select seat_id
                    from reservation_service.reservation_seats
                    where reservation_id = reservation.id
                    order by seat_id
                ) as "seat_ids!",
                exists (
                    select
                    from common.outbox_events
                    where producer = session_user::text and not published and aggregate_id = reservation.id
                ) as "untold!"
        "#,
        after.as_secs_f64(),
        limit,
    )
    .fetch_all(connection)
    .await?;
    due.into_iter()
        .filter(|row| !row.untold)
        .map(|row| {
            let reason = word(Some(row.cancel_reason), CancelReason::parse)?.ok_or(sqlx::Error::RowNotFound)?;
            let ended = Ended {
                id: row.id,
                user_id: row.user_id,
                event_id: row.event_id,
                total_amount: row.total_amount,
                payment_id: row.payment_id,
                version: row.version,
                grant_id: row.grant_id,
                cancelled_at: row.cancelled_at,
                was_confirmed: true,
                seat_ids: row.seat_ids,
            };
            Ok(ended.message(reason.into()))
        })
        .collect()
}
