//! The database's machine is lost for good and the database put back from a backup, by the scripts and in the order of
//! docs/backup.md. What was booked before the backup is as it was; what was captured since is named by the audit until it is given back.

use super::own;
use serde_json::Value;
use std::{path::Path, time::Duration};
use system_tests::{Buyer, Hold, Outcome, Part, System, count};
use test_support::{Servers, TestEnv, connect_redis, eventually, servers::OwnPostgres};
use tokio::process::Command;
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(90);
/// Everything but the simulators, which are the outside world.
const SERVICES: [Part; 6] = [
    Part::User,
    Part::Event,
    Part::Queue,
    Part::Reservation,
    Part::Payment,
    Part::Gateway,
];

/// Runs one of the operators' scripts on this system's database; gives what it printed.
async fn script(system: &System, name: &str, argument: &Path) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let test = std::env::current_exe().unwrap();
    let ticketctl = test.parent().and_then(Path::parent).unwrap().join("ticketctl");
    let ran = Command::new(root.join("infra/scripts").join(name))
        .arg(argument)
        .env("TICKETCTL_DATABASE_URL", system.env().superuser_url())
        .env("TICKETCTL", ticketctl)
        .env("KAFKA_BROKERS", system.env().kafka())
        .env("KAFKA_TOPIC_PREFIX", system.env().topic_prefix())
        .output()
        .await
        .unwrap();
    assert!(ran.status.success(), "{name}: {ran:?}");
    String::from_utf8(ran.stdout).unwrap()
}

/// What the audit says of one payment's row, if it says anything.
async fn said_of(system: &System, payment: Uuid) -> Option<String> {
    let report = system.auditor().look().await.ok()?;
    let rows = report.broken.iter().filter(|broken| broken.check == "portone_differs");
    let subject = format!("payment {payment}");
    let mut rows = rows.flat_map(|broken| &broken.rows);
    rows.find(|row| row.subject == subject).map(|row| row.finding.clone())
}

/// Pays and is confirmed; gives the payment's id.
async fn buy(buyer: &Buyer, hold: &Hold) -> Uuid {
    let paid: Value = buyer.pay(hold).await;
    let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
    paid["paymentId"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_database_is_restored_and_what_was_captured_since_is_named() {
    let Some(mut postgres) = own(OwnPostgres::start().await) else {
        return;
    };
    let servers = Servers {
        postgres: postgres.url(),
        ..Servers::shared()
    };
    let mut system = System::start_in(TestEnv::on(servers).await, &[("QUEUE_RECOVERY_PAUSE_SECONDS", "1")]).await;
    let sale = system.admin().await.open_sale(1, 6).await;
    let (early, between, late) = (
        Buyer::register(&system).await,
        Buyer::register(&system).await,
        Buyer::register(&system).await,
    );
    let booked = early.queue_and_hold(&sale, 2).await;
    let paying = between.queue_and_hold(&sale, 1).await;
    // The event service hears of the sold seats after the backup, so the restored books lack its part.
    system.kill(Part::Event).await;
    let _payment = buy(&early, &booked).await;
    let (key, token) = between.pay_in_window(&paying, Outcome::Pay).await;
    let sent = "select count(*) from common.outbox_events where not published";
    eventually("every message is sent", SOON, || async {
        (count(&system.env().superuser_url(), sent).await == 0).then_some(())
    })
    .await;
    let folder = std::env::temp_dir().join(format!("ticket-queue-backups-{}", Uuid::now_v7().simple()));
    let backup = script(&system, "backup.sh", &folder).await;

    system.restart(Part::Event).await;
    early.wait_for_seat(&sale, booked.seat_ids[0], "SOLD").await;
    let _confirmed = between.confirm(key, &token).await.expect(200);
    let lost = late.queue_and_hold(&sale, 1).await;
    let payment = buy(&late, &lost).await;

    for part in SERVICES {
        system.kill(part).await;
    }
    postgres.lose().await;
    redis::cmd("FLUSHDB")
        .query_async::<()>(&mut connect_redis(system.env().redis_url()).await)
        .await
        .unwrap();
    let _said = script(&system, "restore.sh", Path::new(backup.trim())).await;
    for part in SERVICES {
        system.restart(part).await;
    }

    let _still = early.wait_for(booked.reservation_id, "CONFIRMED").await;
    early.wait_for_seat(&sale, booked.seat_ids[0], "SOLD").await;
    // The buyer's front end repeats what it has no answer to; PortOne says that it was paid.
    let _again = eventually("the payment is confirmed", SOON, || async {
        let reply = between.confirm(key, &token).await;
        reply.status.is_success().then_some(())
    })
    .await;
    let _confirmed = between.wait_for(paying.reservation_id, "CONFIRMED").await;
    let finding = eventually("the audit names the lost payment", SOON, || said_of(&system, payment)).await;
    assert!(finding.contains("not captured by our books"), "{finding}");
    late.refund_by_hand(&payment.simple().to_string()).await;
    system.audit().await;

    // The seat is free again, and its buyer still has an account.
    let again = late.queue_and_hold(&sale, 3).await;
    let _payment = buy(&late, &again).await;
    system.audit().await;
    std::fs::remove_dir_all(folder).unwrap();
}
