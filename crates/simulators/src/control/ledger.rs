use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::portone::payment::PaymentStatus;
use crate::state::Simulators;

/// One payment as PortOne booked it. Amounts are won; `captured` is what was charged, whether or not it was given back.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LedgerRow {
    payment_id: String,
    amount: i64,
    captured: i64,
    cancelled: i64,
    /// What of it is on its way back: cancellations that are REQUESTED.
    requested: i64,
    status: PaymentStatus,
    /// The last change.
    at: DateTime<Utc>,
}

/// `GET /control/portone/ledger`: the books, for audits. A payment is in them from its first window on.
pub(crate) async fn ledger(State(simulators): State<Arc<Simulators>>) -> Json<Vec<LedgerRow>> {
    let mut rows: Vec<LedgerRow> = simulators
        .payments
        .all()
        .into_iter()
        .filter_map(|payment| {
            let status = payment.status()?;
            let captured = payment.is_captured();
            let (cancelled, requested) = (payment.cancelled(), payment.requested());
            let attempt = payment.attempt?;
            Some(LedgerRow {
                payment_id: payment.id,
                amount: attempt.total,
                captured: if captured { attempt.total } else { 0 },
                cancelled,
                requested,
                status,
                at: attempt.changed_at,
            })
        })
        .collect();
    rows.sort_by(|a, b| (a.at, &a.payment_id).cmp(&(b.at, &b.payment_id)));
    Json(rows)
}
