//! The money: what came in is what was sold plus what went back, by our books and by PortOne's (I2).

use std::{collections::HashSet, fmt};

use anyhow::Context;
use serde::Serialize;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::{Broken, Row, ledger::Ledger};

/// Sums in won.
#[derive(Clone, Debug, FromRow, Serialize)]
pub(super) struct Totals {
    captured: i64,
    refunded: i64,
    confirmed: i64,
}

/// Sums in won; PortOne's where there is a ledger.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Books {
    #[serde(flatten)]
    ours: Totals,
    portone: Option<Portone>,
}

#[derive(Clone, Debug, Serialize)]
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
struct Payment {
    id: Uuid,
    status: String,
    captured: i64,
    refunded: i64,
    is_awaited: bool,
}

/// Compares payment by payment; the sums only if nothing moves. What PortOne will be asked about again moves.
pub(super) async fn compare(
    connection: &mut PgConnection,
    ledger: Option<&Ledger>,
    moving: &mut Vec<Row>,
    broken: &mut Vec<Broken>,
) -> anyhow::Result<Books> {
    let ours: Totals = sqlx::query_as(include_str!("../../sql/books/totals.sql"))
        .fetch_one(&mut *connection)
        .await
        .context("cannot add up our books")?;
    let payments: Vec<Payment> = sqlx::query_as(include_str!("../../sql/books/captured.sql"))
        .fetch_all(connection)
        .await
        .context("cannot read the captured payments")?;
    let mut differing = Vec::new();
    let portone = ledger.map(|ledger| {
        differing = differences(&payments, ledger, moving);
        Portone {
            captured: ledger.ours.values().map(|entry| entry.captured).sum(),
            cancelled: ledger.ours.values().map(|entry| entry.cancelled).sum(),
        }
    });
    let sums = if moving.is_empty() {
        wrong_sums(&ours, portone.as_ref())
    } else {
        Vec::new()
    };
    for (check, meaning, remedy, rows) in [
        (
            "portone_differs",
            "A payment of which PortOne's books and ours say different things.",
            "Read the payment at PortOne, which is right about money; `ticketctl saga drive` makes the payment service read it. One that our books do not have at all, after a restore, is given back \
             in PortOne's console.",
            differing,
        ),
        (
            "sums_differ",
            "At rest, what was captured is what is confirmed plus what was refunded, by our books and by PortOne's.",
            "The rows of the other checks of I2 say where; without any, look for rows that were deleted.",
            sums,
        ),
    ] {
        if !rows.is_empty() {
            broken.push(Broken {
                rule: "I2",
                check,
                meaning: meaning.to_owned(),
                remedy: remedy.to_owned(),
                rows,
            });
        }
    }
    Ok(Books { ours, portone })
}

fn differences(payments: &[Payment], ledger: &Ledger, moving: &mut Vec<Row>) -> Vec<Row> {
    let mut differing = Vec::new();
    for payment in payments {
        let (captured, cancelled) = ledger
            .ours
            .get(&payment.id)
            .map_or((0, 0), |entry| (entry.captured, entry.cancelled));
        if (captured, cancelled) == (payment.captured, payment.refunded) {
            continue;
        }
        let row = Row {
            subject: format!("payment {}", payment.id),
            finding: format!(
                "is {} with {} won captured and {} refunded, but PortOne captured {captured} and cancelled {cancelled}",
                payment.status, payment.captured, payment.refunded
            ),
        };
        if payment.is_awaited {
            moving.push(row);
        } else {
            differing.push(row);
        }
    }
    let known: HashSet<Uuid> = payments.iter().map(|payment| payment.id).collect();
    // What our books never had, or lost with a database that was restored, is settled once all of it was given back.
    let unknown = ledger.ours.iter().filter(|(id, _)| !known.contains(id));
    for (id, entry) in unknown.filter(|(_, entry)| entry.captured != entry.cancelled) {
        differing.push(Row {
            subject: format!("payment {id}"),
            finding: format!(
                "is not captured by our books, but PortOne captured {} and cancelled {}",
                entry.captured, entry.cancelled
            ),
        });
    }
    for id in &ledger.strange {
        differing.push(Row {
            subject: format!("PortOne's payment {id}"),
            finding: "cannot be one of ours".to_owned(),
        });
    }
    differing.sort_by(|one, other| one.subject.cmp(&other.subject));
    differing
}

fn wrong_sums(ours: &Totals, portone: Option<&Portone>) -> Vec<Row> {
    let mut wrong = Vec::new();
    let mut compare = |whose: &str, captured: i64, refunded: i64| {
        if captured != ours.confirmed + refunded {
            wrong.push(Row {
                subject: format!("the sum of {whose} books"),
                finding: format!(
                    "is {captured} won captured, but {} confirmed by ours and {refunded} given back",
                    ours.confirmed
                ),
            });
        }
    };
    compare("our", ours.captured, ours.refunded);
    if let Some(Portone { captured, cancelled }) = portone {
        compare("PortOne's", *captured, *cancelled);
    }
    wrong
}
