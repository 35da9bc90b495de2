use chrono::{DateTime, Utc};
use common::problem::{ApiResult, Code, Problem};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    db::views::{self, PaymentRow},
    domain::{CURRENCY, PaymentStatus, RefundStatus, ReservationStatus},
};

/// A payment.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentReply {
    pub(super) payment_id: Uuid,
    /// The client's key.
    payment_key: Uuid,
    reservation_id: Uuid,
    /// As far as the reservation service has told.
    reservation_status: ReservationStatus,
    payment_method: String,
    /// Won.
    pub(super) amount: i64,
    #[schema(example = "KRW")]
    currency: &'static str,
    pub(super) status: PaymentStatus,
    /// A stable code; only of a payment that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<String>,
    /// Until when it can be confirmed.
    expires_at: DateTime<Utc>,
    /// When the money was captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    paid_at: Option<DateTime<Utc>>,
    /// What goes back or went back.
    #[serde(skip_serializing_if = "Option::is_none")]
    refund: Option<RefundReply>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// Money that goes back.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefundReply {
    status: RefundStatus,
    /// Won.
    amount: i64,
    /// A stable code.
    reason: String,
    requested_at: DateTime<Utc>,
    /// When PortOne had done it.
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<DateTime<Utc>>,
}

impl PaymentReply {
    /// The user's payment, or 404.
    pub(super) async fn read(connection: &mut PgConnection, user: Uuid, id: Uuid) -> ApiResult<Self> {
        let row = views::find(connection, user, id).await?;
        row.map(Self::from)
            .ok_or_else(|| Problem::new(Code::NotFound).detail("There is no such payment."))
    }
}

impl From<PaymentRow> for PaymentReply {
    fn from(row: PaymentRow) -> Self {
        let refund = match (
            row.refund_status,
            row.refund_amount,
            row.refund_reason,
            row.refund_requested_at,
        ) {
            (Some(status), Some(amount), Some(reason), Some(requested_at)) => Some(RefundReply {
                status,
                amount,
                reason,
                requested_at,
                completed_at: row.refund_completed_at,
            }),
            _ => None,
        };
        Self {
            payment_id: row.id,
            payment_key: row.payment_key,
            reservation_id: row.reservation_id,
            reservation_status: row.reservation_status,
            payment_method: row.payment_method,
            amount: row.amount,
            currency: CURRENCY,
            status: row.status,
            failure_reason: row.failure_reason,
            expires_at: row.expires_at,
            paid_at: row.paid_at,
            refund,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
