//! Payments as their owner sees them.

use chrono::{DateTime, Utc};
use common::page::PageRequest;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{PaymentStatus, RefundStatus, ReservationStatus};

/// A payment with its refund and the state of its reservation.
pub(crate) struct PaymentRow {
    pub(crate) id: Uuid,
    pub(crate) payment_key: Uuid,
    pub(crate) reservation_id: Uuid,
    pub(crate) reservation_status: ReservationStatus,
    pub(crate) payment_method: String,
    pub(crate) amount: i64,
    pub(crate) status: PaymentStatus,
    pub(crate) failure_reason: Option<String>,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) paid_at: Option<DateTime<Utc>>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) refund_status: Option<RefundStatus>,
    pub(crate) refund_amount: Option<i64>,
    pub(crate) refund_reason: Option<String>,
    pub(crate) refund_requested_at: Option<DateTime<Utc>>,
    pub(crate) refund_completed_at: Option<DateTime<Utc>>,
}

/// Selects rows of that shape; `$tail` follows the joins.
macro_rules! select_row {
    ($tail:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            PaymentRow,
            r#"
                select
                    payments.id,
                    payments.payment_key,
                    payments.reservation_id,
                    payment_sagas.reservation_status as "reservation_status: ReservationStatus",
                    payments.payment_method,
                    payments.amount,
                    payments.status as "status: PaymentStatus",
                    payments.failure_reason,
                    payments.expires_at,
                    payments.paid_at,
                    payments.created_at,
                    payments.updated_at,
                    refunds.status as "refund_status?: RefundStatus",
                    refunds.amount as "refund_amount?",
                    refunds.reason as "refund_reason?",
                    refunds.requested_at as "refund_requested_at?",
                    refunds.completed_at as "refund_completed_at?"
                from payment_service.payments
                join payment_service.payment_sagas using (reservation_id)
                left join payment_service.refunds on refunds.payment_id = payments.id
            "# + $tail,
            $($argument),+
        )
    };
}

/// One payment of the user.
pub(crate) async fn find(
    connection: &mut PgConnection,
    user: Uuid,
    id: Uuid,
) -> Result<Option<PaymentRow>, sqlx::Error> {
    select_row!("where payments.user_id = $1 and payments.id = $2", user, id)
        .fetch_optional(connection)
        .await
}

/// A page of the user's payments, newest first, and how many there are in all.
pub(crate) async fn list(
    connection: &mut PgConnection,
    user: Uuid,
    reservation: Option<Uuid>,
    page: PageRequest,
) -> Result<(Vec<PaymentRow>, i64), sqlx::Error> {
    let total = sqlx::query_scalar!(
        r#"
            select count(*) as "count!"
            from payment_service.payments
            where user_id = $1 and ($2::uuid is null or reservation_id = $2)
        "#,
        user,
        reservation,
    )
    .fetch_one(&mut *connection)
    .await?;
    let rows = select_row!(
        "where payments.user_id = $1 and ($2::uuid is null or payments.reservation_id = $2)
         order by payments.id desc
         limit $3 offset $4",
        user,
        reservation,
        page.limit(),
        page.offset()
    )
    .fetch_all(connection)
    .await?;
    Ok((rows, total))
}
