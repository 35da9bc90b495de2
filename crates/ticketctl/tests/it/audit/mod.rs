//! The audit passes over books that are in order, finds each kind of disorder, and tells it from what is on its way.

mod faults;

use std::{collections::BTreeSet, future::IntoFuture, time::Duration};

use axum::{Json, Router, routing::get};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use test_support::TestEnv;
use ticketctl::audit::{Auditor, Report};
use tokio::{net::TcpListener, task::JoinSet};

use crate::command::{Ran, superuser, ticketctl};
use faults::{FAULTS, MOVEMENTS};

const ORDERLY: &str = include_str!("orderly.sql");
/// Young messages are on their way.
const GRACE: Duration = Duration::from_secs(30);

struct Books {
    env: TestEnv,
    database: PgPool,
    ledger: String,
    _server: JoinSet<std::io::Result<()>>,
}

impl Books {
    async fn with_ledger(ledger: Value) -> Self {
        let env = TestEnv::new().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/ledger", listener.local_addr().unwrap());
        let router = Router::new().route("/ledger", get(async move || Json(ledger.clone())));
        let mut server = JoinSet::new();
        server.spawn(axum::serve(listener, router).into_future());
        Self {
            database: superuser(&env).await,
            env,
            ledger: url,
            _server: server,
        }
    }

    async fn orderly() -> Self {
        let books = Self::with_ledger(ledger(0)).await;
        books.plant("").await;
        books
    }

    /// Orderly books with this done to them.
    async fn plant(&self, fault: &str) {
        let statements = format!("{ORDERLY};\n{}", ids(fault));
        sqlx::raw_sql(AssertSqlSafe(statements))
            .execute(&self.database)
            .await
            .unwrap_or_else(|error| panic!("{fault}: {error}"));
    }

    fn auditor(&self) -> Auditor {
        Auditor::new(self.env.superuser_url(), Some(self.ledger.clone()))
    }

    async fn look(&self) -> Report {
        self.auditor().look().await.unwrap()
    }

    async fn command(&self, arguments: &[&str]) -> Ran {
        let arguments = [&["audit", "--portone-ledger-url", &self.ledger], arguments].concat();
        ticketctl(&self.env, &arguments).await
    }
}

fn ids(text: &str) -> String {
    text.replace('@', "00000000-0000-7000-8000-0000000000")
}

/// The last payment failed, as far as we know; PortOne may have `late` won of it.
fn ledger(late: i64) -> Value {
    json!([
        {"paymentId": "000000000000700080000000000000f1", "amount": 200, "captured": 200, "cancelled": 0, "status": "PAID"},
        {"paymentId": "000000000000700080000000000000f2", "amount": 100, "captured": 100, "cancelled": 100, "status": "CANCELLED"},
        {"paymentId": "000000000000700080000000000000f3", "amount": 300, "captured": late, "cancelled": 0, "status": "PAID"},
    ])
}

fn says(report: &Report, check: &str, words: &str) -> bool {
    let words = ids(words);
    report
        .broken
        .iter()
        .filter(|broken| broken.check == check)
        .flat_map(|broken| &broken.rows)
        .any(|row| format!("{} {}", row.subject, row.finding).contains(&words))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_planted_fault_is_found_and_orderly_books_pass() {
    let books = Books::orderly().await;
    let report = books.look().await;
    assert!(report.ok && report.at_rest, "{report}");

    for (check, words, fault) in FAULTS {
        books.plant(fault).await;
        let report = books.look().await;
        assert!(
            says(&report, check, words),
            "{check}: {} is not in:\n{report}",
            ids(words)
        );
    }

    books.plant("").await;
    let report = books.look().await;
    assert!(report.ok && report.at_rest, "{report}");
}

#[test]
fn there_is_a_fault_for_every_check() {
    let planted: BTreeSet<String> = FAULTS.iter().map(|(check, ..)| (*check).to_owned()).collect();
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/audit")).unwrap();
    let mut checks: BTreeSet<String> = files
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    checks.extend(["portone_differs", "sums_differ"].map(str::to_owned));
    assert_eq!(planted, checks);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_on_its_way_breaks_nothing_but_is_no_rest() {
    let books = Books::with_ledger(ledger(300)).await;
    for (words, movement) in MOVEMENTS {
        // Only the last one explains what PortOne has of the last payment.
        let late = "update payment_service.payments set next_check_at = now() where id = '@f3'";
        let last = MOVEMENTS.last().unwrap().1;
        books
            .plant(&format!(
                "{last}; {late}; {}",
                if *movement == last { "" } else { movement }
            ))
            .await;
        let report = books.auditor().grace(GRACE).look().await.unwrap();
        let told = report
            .moving
            .iter()
            .any(|row| format!("{} {}", row.subject, row.finding).contains(&ids(words)));
        assert!(told, "{} is not in:\n{report}", ids(words));
        assert!(report.ok && !report.at_rest, "{report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_that_only_portone_knows_of_is_found() {
    let books = Books::with_ledger(json!([
        {"paymentId": "000000000000700080000000000000f1", "amount": 200, "captured": 200, "cancelled": 0, "status": "PAID"},
        {"paymentId": "000000000000700080000000000000f2", "amount": 300, "captured": 300, "cancelled": 300, "status": "CANCELLED"},
        {"paymentId": "imp_123", "amount": 100, "captured": 100, "cancelled": 0, "status": "PAID"},
    ]))
    .await;
    let report = books.look().await;
    assert!(!report.ok);
    let unknown = "payment @f1 is not captured by our books, but PortOne captured 200";
    assert!(says(&report, "portone_differs", unknown), "{report}");
    // Whatever became of the row, the money is back.
    assert!(!says(&report, "portone_differs", "payment @f2"), "{report}");
    assert!(
        says(&report, "portone_differs", "PortOne's payment imp_123"),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_says_what_is_broken_and_what_to_do() {
    let books = Books::orderly().await;
    let orderly = books.command(&["--json"]).await.ok();
    let report: Value = serde_json::from_str(&orderly).unwrap();
    assert_eq!(
        report["books"],
        json!({"captured": 300, "refunded": 100, "confirmed": 200, "portone": {"captured": 300, "cancelled": 100}})
    );
    assert_eq!(report["ok"], true);

    let (check, words, fault) = FAULTS[8];
    books.plant(fault).await;
    let ran = books.command(&["--settle-seconds", "0"]).await;
    assert!(!ran.success);
    assert!(ran.stdout.contains(&ids(words)), "{ran:?}");
    assert!(ran.stdout.contains("What to do: `ticketctl refund show`"), "{ran:?}");
    let ran = books.command(&["--settle-seconds", "0", "--json"]).await;
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let broken = report["broken"].as_array().unwrap();
    let found = broken.iter().find(|broken| broken["check"] == check).unwrap();
    assert_eq!(found["rule"], "I2");
    assert!(
        ids(words).starts_with(found["rows"][0]["subject"].as_str().unwrap()),
        "{found:#}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rest_is_waited_for_when_asked() {
    let books = Books::orderly().await;
    books.plant(MOVEMENTS[0].1).await;
    let moving = books.command(&["--settle-seconds", "0"]).await.ok();
    assert!(
        moving.contains("Not at rest") && moving.contains("Every invariant holds."),
        "{moving}"
    );
    let ran = books.command(&["--settle-seconds", "0", "--wait", "1"]).await;
    assert!(!ran.success, "{ran:?}");

    let audit = async { books.command(&["--wait", "20"]).await.ok() };
    let delivery = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        books.plant("").await;
    };
    let (said, ()) = tokio::join!(audit, delivery);
    assert!(
        said.contains("Every invariant holds.") && !said.contains("Not at rest"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_away_by_itself_is_no_finding() {
    let books = Books::orderly().await;
    let (_, _, fault) = FAULTS[1];
    books.plant(fault).await;
    let audit = async { books.command(&["--settle-seconds", "20"]).await.ok() };
    let repair = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        books.plant("").await;
    };
    let (said, ()) = tokio::join!(audit, repair);
    assert!(said.contains("Every invariant holds."), "{said}");
}
