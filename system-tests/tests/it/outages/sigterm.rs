use reqwest::Method;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use std::time::{Duration, Instant};
use system_tests::{Buyer, Outcome, Part, Sale, System};
use test_support::Api;
use tokio::task::JoinSet;
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(20);
/// How many requests run when a part is asked to stop.
const RUNNING: usize = 6;

/// A table, and requests that wait while somebody else has it.
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
    let mut system = System::start_with(&[("SHUTDOWN_GRACE_SECONDS", "10")]).await;
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
        let waiting = Waiting::of(part, &buyer, admin.api(), &sale);
        let mut lock = blocker.begin().await.expect("a transaction can begin");
        let statement = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", waiting.table);
        let _locked = sqlx::query(AssertSqlSafe(statement))
            .execute(&mut *lock)
            .await
            .expect("the table can be locked");
        let mut asking = JoinSet::new();
        for _ in 0..RUNNING {
            let (api, method, path, body) = (
                waiting.api.clone(),
                waiting.method.clone(),
                waiting.path.clone(),
                waiting.body.clone(),
            );
            asking.spawn(async move { api.call(method, &path, body.as_ref()).await });
        }
        let deadline = Instant::now() + SOON;
        while waiting_for(&mut watcher, waiting.table).await == 0 {
            assert!(
                Instant::now() < deadline,
                "{part:?}: nobody waits for {}",
                waiting.table
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // All are on their way by now; some wait for the table, others behind them.
        tokio::time::sleep(Duration::from_millis(200)).await;
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
    for part in [Part::Payment, Part::Reservation, Part::Gateway] {
        let mut system = System::start_with(&[("SHUTDOWN_GRACE_SECONDS", "10")]).await;
        let sale = system.admin().await.open_sale(1, 2).await;
        let buyer = Buyer::register(&system).await;
        let hold = buyer.queue_and_hold(&sale, 2).await;
        let (key, window) = buyer.pay_in_window(&hold, Outcome::Pay).await;
        system.faults(&json!({"portone": {"confirm": {"delayMs": 1000}}})).await;
        let confirming = {
            let (buyer, window) = (buyer.clone(), window.clone());
            async move { buyer.confirm(key, &window).await }
        };
        let stopping = async {
            tokio::time::sleep(Duration::from_millis(400)).await;
            system.terminate(part).await;
        };
        let (reply, ()) = tokio::join!(confirming, stopping);
        assert_eq!(reply.expect(200)["status"], "SUCCESS", "{part:?}");
        // The success was written; it is told by the process that comes after, if not by the one that ended.
        system.restart(part).await;
        let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
        system.audit().await;
    }
}
