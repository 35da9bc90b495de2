use serde_json::Value;
use sqlx::{PgPool, Row, postgres::PgPoolOptions};
use std::collections::BTreeMap;

/// Everything that any service may still have to do. Each names what it looks for, so that a system that does not come
/// to rest says why.
const MOVING: [(&str, &str); 6] = [
    ("an unpublished message", "SELECT count(*) FROM common.outbox_events WHERE NOT published"),
    (
        "a payment whose outcome is open",
        "SELECT count(*) FROM payment_service.payments WHERE status = 'PENDING' AND confirm_started_at IS NOT NULL",
    ),
    ("a refund under way", "SELECT count(*) FROM payment_service.refunds WHERE status IN ('REQUESTED', 'PROCESSING')"),
    (
        "a paid reservation that is not settled",
        "SELECT count(*) FROM payment_service.payments p
         JOIN reservation_service.reservations r ON r.id = p.reservation_id
         WHERE p.status = 'SUCCESS' AND r.status <> 'CONFIRMED'",
    ),
    (
        "a refund that the reservation has not heard of",
        "SELECT count(*) FROM payment_service.refunds f
         JOIN payment_service.payments p ON p.id = f.payment_id
         JOIN reservation_service.reservations r ON r.id = p.reservation_id AND r.payment_id = p.id
         WHERE f.status = 'SUCCEEDED' AND r.refund_status IS DISTINCT FROM 'SUCCEEDED'",
    ),
    (
        "a seat whose sale the map has not heard of",
        "SELECT count(*) FROM reservation_service.seat_assignments a
         FULL JOIN (SELECT event_id, id AS seat_id FROM event_service.seats WHERE status = 'SOLD') s
             ON s.event_id = a.event_id AND s.seat_id = a.seat_id
         WHERE (a.state = 'SOLD') IS DISTINCT FROM (s.seat_id IS NOT NULL) AND (a.state = 'SOLD' OR s.seat_id IS NOT NULL)",
    ),
];

/// What must never be, whenever one looks.
const BROKEN: [(&str, &str); 4] = [
    (
        "I1: a seat in two live reservations",
        "SELECT count(*) FROM (
             SELECT r.event_id, s.seat_id FROM reservation_service.reservation_seats s
             JOIN reservation_service.reservations r ON r.id = s.reservation_id AND r.status = 'CONFIRMED'
             GROUP BY r.event_id, s.seat_id HAVING count(*) > 1) twice",
    ),
    (
        "I1: a confirmed reservation without its seats",
        "SELECT count(*) FROM reservation_service.reservation_seats s
         JOIN reservation_service.reservations r ON r.id = s.reservation_id AND r.status = 'CONFIRMED'
         LEFT JOIN reservation_service.seat_assignments a
             ON a.event_id = r.event_id AND a.seat_id = s.seat_id AND a.reservation_id = r.id AND a.state = 'SOLD'
         WHERE a.seat_id IS NULL",
    ),
    (
        "I2: a confirmed reservation without exactly one successful payment of its amount",
        "SELECT count(*) FROM reservation_service.reservations r
         WHERE r.status = 'CONFIRMED' AND 1 <> (
             SELECT count(*) FROM payment_service.payments p
             WHERE p.reservation_id = r.id AND p.status = 'SUCCESS' AND p.amount = r.total_amount)",
    ),
    (
        "I2: a captured payment that neither holds a confirmed reservation nor was refunded",
        "SELECT count(*) FROM payment_service.payments p
         JOIN reservation_service.reservations r ON r.id = p.reservation_id
         WHERE p.captured AND NOT (p.status = 'REFUNDED' OR (p.status = 'SUCCESS' AND r.status = 'CONFIRMED'))",
    ),
];

/// The services' books, read as the superuser.
pub struct Books {
    db: PgPool,
}

impl Books {
    /// Opens a system's database.
    pub(crate) async fn open(url: &str) -> Self {
        let db = PgPoolOptions::new()
            .max_connections(2)
            .connect(url)
            .await
            .expect("the database can be reached");
        Self { db }
    }

    /// Asks for one number.
    ///
    /// # Panics
    /// When the statement is wrong.
    pub async fn count(&self, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement)
            .fetch_one(&self.db)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"))
    }

    /// Whether nothing has to happen any more.
    pub(crate) async fn is_at_rest(&self) -> bool {
        self.moving().await.is_none()
    }

    /// What still has to happen, if anything.
    pub async fn moving(&self) -> Option<&'static str> {
        for (what, statement) in MOVING {
            if self.count(statement).await > 0 {
                return Some(what);
            }
        }
        None
    }

    /// Checks the invariants, and PortOne's ledger against ours, payment by payment.
    pub(crate) async fn check(&self, ledger: &Value) {
        for (what, statement) in BROKEN {
            assert_eq!(self.count(statement).await, 0, "{what}");
        }
        let rows = sqlx::query(
            "SELECT replace(id::text, '-', '') AS id, status, amount FROM payment_service.payments WHERE captured",
        )
        .fetch_all(&self.db)
        .await
        .expect("the payments can be read");
        let ours: BTreeMap<String, (i64, i64)> = rows
            .iter()
            .map(|row| {
                let (status, amount): (String, i64) = (row.get("status"), row.get("amount"));
                (row.get("id"), (amount, if status == "REFUNDED" { amount } else { 0 }))
            })
            .collect();
        let number = |row: &Value, name: &str| row[name].as_i64().unwrap_or_else(|| panic!("no {name} in {row}"));
        let theirs: BTreeMap<String, (i64, i64)> = ledger
            .as_array()
            .expect("the ledger is a list")
            .iter()
            .filter(|row| number(row, "captured") > 0)
            .map(|row| {
                (
                    row["paymentId"].as_str().unwrap_or_default().to_owned(),
                    (number(row, "captured"), number(row, "cancelled")),
                )
            })
            .collect();
        assert_eq!(
            ours, theirs,
            "I2: (captured, cancelled) per payment, ours and PortOne's"
        );
    }
}

/// Asks a system's database for one number, as the superuser.
///
/// # Panics
/// When it cannot be asked.
pub async fn count(database: &str, statement: &'static str) -> i64 {
    Books::open(database).await.count(statement).await
}
