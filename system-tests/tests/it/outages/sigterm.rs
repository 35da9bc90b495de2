use reqwest::Method;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use std::time::{Duration, Instant};
use system_tests::{Buyer, Outcome, Part, Sale, System};
use test_support::{Api, eventually};
use tokio::task::JoinSet;
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(60);
/// Payments that PortOne was told to charge, or is just about to be.
const LOCKED: &str = "SELECT count(*) FROM payment_service.payments WHERE locked_at IS NOT NULL";
/// How many requests run when a part is asked to stop.
const RUNNING: i64 = 6;

/// A table, and a request that waits while somebody else has it.
struct Waiting {
    table: &'static str,
    api: Api,
    method: Method,
    path: String,
    body: Option<serde_json::Value>,
}

impl Waiting {
    fn of(part: Part, buyer: &Buyer, admin: &Api, sale: &Sale) -> Self {
        let get = |table, path: &str| Self {
            table,
            api: buyer.api().clone(),
            method: Method::GET,
            path: path.to_owned(),
            body: None,
        };
        match part {
            Part::User => get("user_service.users", "/users/me"),
            // What no cache knows yet.
            Part::Event => get(
                "event_service.events",
                &format!("/events?page=0&size=20&q={}", Uuid::now_v7()),
            ),
            Part::Queue => Self {
                table: "queue_service.event_settings",
                api: admin.clone(),
                method: Method::PUT,
                path: format!("/queue/admin/events/{}", sale.event_id),
                body: Some(json!({"admissionPerSecond": 100})),
            },
            Part::Reservation | Part::Gateway | Part::Simulators => {
                get("reservation_service.reservations", "/reservations")
            }
            Part::Payment => get("payment_service.payments", "/payments"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_asked_to_stop_answers_every_request_that_runs() {
    let mut system = System::start_with(&[("SHUTDOWN_GRACE_SECONDS", "30")]).await;
    let admin = system.admin().await;
    let sale = admin.open_sale(1, 8).await;
    let buyer = Buyer::register(&system).await;
    let token = buyer.queue(&sale).await;
    let seats = buyer.free_seats(&sale, 1).await;
    let database = system.env().superuser_url();
    let connect = || async {
        PgConnection::connect(&database)
            .await
            .expect("the database can be reached")
    };
    let (mut blocker, mut watcher) = (connect().await, connect().await);
    for part in [
        Part::User,
        Part::Event,
        Part::Queue,
        Part::Reservation,
        Part::Payment,
        Part::Gateway,
    ] {
        let table = Waiting::of(part, &buyer, admin.api(), &sale).table;
        let mut lock = blocker.begin().await.expect("a transaction can begin");
        let statement = format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
        let _locked = sqlx::query(AssertSqlSafe(statement))
            .execute(&mut *lock)
            .await
            .expect("the table can be locked");
        let mut asking = JoinSet::new();
        for _ in 0..RUNNING {
            let waiting = Waiting::of(part, &buyer, admin.api(), &sale);
            asking.spawn(async move {
                let (api, body) = (waiting.api, waiting.body);
                api.call(waiting.method, &waiting.path, body.as_ref()).await
            });
        }
        let deadline = Instant::now() + SOON;
        loop {
            let waiting = waiting_for(&mut watcher, table).await;
            if waiting >= RUNNING {
                break;
            }
            assert!(Instant::now() < deadline, "{part:?}: {waiting} wait for {table}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let unlocking = async {
            tokio::time::sleep(Duration::from_millis(400)).await;
            lock.rollback().await.expect("the table can be given back");
        };
        tokio::join!(system.terminate(part), unlocking);
        for reply in asking.join_all().await {
            assert_eq!(reply.status.as_u16(), 200, "{part:?} cut a request: {reply:?}");
        }
        system.restart(part).await;
    }
    // All of them were restarted once; a place and its token survive.
    let hold = buyer.hold(&sale, &token, &seats).await;
    let _payment = buyer.pay(&hold).await;
    let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
    system.audit().await;
}

/// How many wait for a table.
async fn waiting_for(watcher: &mut PgConnection, table: &str) -> i64 {
    let statement = "SELECT count(*) FROM pg_locks WHERE relation = $1::regclass AND NOT granted";
    let row = sqlx::query(statement).bind(table).fetch_one(watcher).await;
    row.expect("locks can be read").get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_that_runs_is_finished_by_services_that_were_asked_to_stop() {
    let mut system = System::start_with(&[("SHUTDOWN_GRACE_SECONDS", "30")]).await;
    let sale = system.admin().await.open_sale(1, 6).await;
    for (part, confirmations) in [(Part::Payment, 1), (Part::Reservation, 2), (Part::Gateway, 3)] {
        let buyer = Buyer::register(&system).await;
        let hold = buyer.queue_and_hold(&sale, 2).await;
        let (key, window) = buyer.pay_in_window(&hold, Outcome::Pay).await;
        system.faults(&json!({"portone": {"confirm": {"delayMs": 1000}}})).await;
        let confirming = async { buyer.confirm(key, &window).await };
        let stopping = async {
            let database = system.env().superuser_url();
            eventually("the confirmation runs", SOON, || async {
                (system_tests::count(&database, LOCKED).await == confirmations).then_some(())
            })
            .await;
            system.terminate(part).await;
        };
        let (reply, ()) = tokio::join!(confirming, stopping);
        assert_eq!(reply.expect(200)["status"], "SUCCESS", "{part:?}");
        // The success was written; it is told by the process that comes after, if not by the one that ended.
        system.restart(part).await;
        system.no_faults().await;
        let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
    }
    system.audit().await;
}
