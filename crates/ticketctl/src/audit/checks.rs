//! The questions whose answer must be empty.

use anyhow::Context;
use sqlx::{FromRow, PgConnection};

use super::Finding;

/// The invariant and the question.
const CHECKS: [(&str, &str); 12] = [
    ("I1", include_str!("../../sql/audit/seat_of_two_reservations.sql")),
    ("I1", include_str!("../../sql/audit/confirmed_without_its_seats.sql")),
    ("I1", include_str!("../../sql/audit/assigned_without_reservation.sql")),
    ("I2", include_str!("../../sql/audit/confirmed_without_its_payment.sql")),
    ("I2", include_str!("../../sql/audit/captured_without_a_booking.sql")),
    ("I2", include_str!("../../sql/audit/refund_not_finished.sql")),
    ("I3", include_str!("../../sql/audit/message_not_sent.sql")),
    ("I3", include_str!("../../sql/audit/payment_state_not_projected.sql")),
    ("I3", include_str!("../../sql/audit/seat_map_wrong.sql")),
    ("I3", include_str!("../../sql/audit/sold_count_wrong.sql")),
    ("I4", include_str!("../../sql/audit/expired_and_pending.sql")),
    ("I4", include_str!("../../sql/audit/locked_for_a_finished_payment.sql")),
];

#[derive(FromRow)]
struct Row {
    subject: String,
    finding: String,
}

pub(super) async fn run(connection: &mut PgConnection) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (rule, question) in CHECKS {
        let rows: Vec<Row> = sqlx::query_as(question)
            .fetch_all(&mut *connection)
            .await
            .with_context(|| format!("cannot check {rule}"))?;
        findings.extend(
            rows.into_iter()
                .map(|Row { subject, finding }| Finding { rule, subject, finding }),
        );
    }
    Ok(findings)
}
