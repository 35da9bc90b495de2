//! The money: what came in is what was sold plus what went back, by our books and by PortOne's (I2).

use std::{collections::HashSet, fmt};

use anyhow::Context;
use serde::Serialize;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::{Finding, ledger::Ledger};

const RULE: &str = "I2";

/// Sums in won.
#[derive(Debug, FromRow, Serialize)]
pub(super) struct Totals {
    captured: i64,
    refunded: i64,
    confirmed: i64,
}

/// Sums in won; PortOne's where there is a ledger.
#[derive(Debug, Serialize)]
pub(super) struct Books {
    #[serde(flatten)]
    ours: Totals,
    portone: Option<Portone>,
}

#[derive(Debug, Serialize)]
pub(super) struct Portone {
    captured: i64,
    cancelled: i64,
}

impl fmt::Display for Books {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Totals {
            captured,
            refunded,
            confirmed,
        } = self.ours;
        write!(
            formatter,
            "Our books: {captured} won captured, {confirmed} confirmed, {refunded} refunded."
        )?;
        match &self.portone {
            Some(Portone { captured, cancelled }) => {
                write!(formatter, " PortOne's: {captured} captured, {cancelled} cancelled.")
            }
            None => write!(formatter, " PortOne's were not compared."),
        }
    }
}

#[derive(FromRow)]
struct Captured {
    id: Uuid,
    amount: i64,
    status: String,
}

pub(super) async fn compare(
    connection: &mut PgConnection,
    ledger: Option<&Ledger>,
    findings: &mut Vec<Finding>,
) -> anyhow::Result<Books> {
    let ours: Totals = sqlx::query_as(include_str!("../../sql/audit/totals.sql"))
        .fetch_one(&mut *connection)
        .await
        .context("cannot add up our books")?;
    let mut find = |subject: String, finding: String| {
        findings.push(Finding {
            rule: RULE,
            subject,
            finding,
        });
    };
    if ours.captured != ours.confirmed + ours.refunded {
        find(
            "the sum of our books".to_owned(),
            "captured is not confirmed plus refunded".to_owned(),
        );
    }
    let Some(ledger) = ledger else {
        return Ok(Books { ours, portone: None });
    };

    let captured: Vec<Captured> =
        sqlx::query_as("select id, amount, status from payment_service.payments where captured order by id")
            .fetch_all(connection)
            .await
            .context("cannot read the captured payments")?;
    for payment in &captured {
        let (taken, given_back) = ledger
            .ours
            .get(&payment.id)
            .map_or((0, 0), |entry| (entry.captured, entry.cancelled));
        let should_be_back = if payment.status == "REFUNDED" {
            payment.amount
        } else {
            0
        };
        if (taken, given_back) != (payment.amount, should_be_back) {
            find(
                format!("payment {}", payment.id),
                format!(
                    "is {} with {} won, but PortOne captured {taken} and cancelled {given_back}",
                    payment.status, payment.amount
                ),
            );
        }
    }
    let known: HashSet<Uuid> = captured.iter().map(|payment| payment.id).collect();
    for (id, entry) in ledger.ours.iter().filter(|(id, _)| !known.contains(id)) {
        find(
            format!("payment {id}"),
            format!(
                "is not captured by our books, but PortOne captured {} and cancelled {}",
                entry.captured, entry.cancelled
            ),
        );
    }
    for id in &ledger.strange {
        find(format!("PortOne's payment {id}"), "cannot be one of ours".to_owned());
    }
    let portone = Portone {
        captured: ledger.ours.values().map(|entry| entry.captured).sum(),
        cancelled: ledger.ours.values().map(|entry| entry.cancelled).sum(),
    };
    Ok(Books {
        ours,
        portone: Some(portone),
    })
}
