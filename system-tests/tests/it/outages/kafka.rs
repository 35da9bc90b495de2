use super::own;
use std::time::Duration;
use system_tests::{Buyer, Outcome, System};
use test_support::{Servers, TestEnv, eventually, servers::OwnKafka};

const SOON: Duration = Duration::from_secs(60);
const UNPUBLISHED: &str = "SELECT count(*) FROM common.outbox_events WHERE NOT published";
const PARKED: &str = "SELECT count(*) FROM common.outbox_events WHERE parked_at IS NOT NULL OR retry_count > 0";
/// Pairs of one booking's messages that went out in another order than they were written.
const OUT_OF_ORDER: &str = "SELECT count(*) FROM common.outbox_events a
    JOIN common.outbox_events b ON b.producer = a.producer AND b.message_key = a.message_key AND b.seq > a.seq
    WHERE b.published_at < a.published_at";

#[tokio::test(flavor = "multi_thread")]
async fn buyers_pay_without_kafka_and_everything_is_told_afterwards() {
    let Some(mut kafka) = own(OwnKafka::start().await) else {
        return;
    };
    let servers = Servers {
        kafka: kafka.address(),
        ..Servers::shared()
    };
    // A hold that nobody pays for ends during the outage; the paid ones outlast theirs.
    let settings = [("HOLD_TTL_SECONDS", "10"), ("OUTBOX_DELIVERY_TIMEOUT_SECONDS", "2")];
    let system = System::start_in(TestEnv::on(servers).await, &settings).await;
    let sale = system.admin().await.open_sale(1, 8).await;
    let (before, during, idle, other) = (
        Buyer::register(&system).await,
        Buyer::register(&system).await,
        Buyer::register(&system).await,
        Buyer::register(&system).await,
    );
    let database = system.env().superuser_url();
    let count = |statement: &'static str| system_tests::count(&database, statement);
    eventually("the event is told of", SOON, || async {
        (count(UNPUBLISHED).await == 0).then_some(())
    })
    .await;
    let first = before.queue_and_hold(&sale, 2).await;
    let (key, window) = before.pay_in_window(&first, Outcome::Pay).await;
    kafka.kill().await;

    // One pays whose hold is from before, one does everything while Kafka is away.
    let paid = before.confirm(key, &window).await.expect(200);
    assert_eq!(paid["status"], "SUCCESS");
    let second = during.queue_and_hold(&sale, 2).await;
    assert_eq!(during.pay(&second).await["status"], "SUCCESS");
    let unpaid = idle.queue_and_hold(&sale, 1).await;
    eventually("the unpaid hold is over", SOON, || async {
        (idle.seat_status(&sale, unpaid.seat_ids[0]).await == "AVAILABLE").then_some(())
    })
    .await;
    // Every other hold was taken earlier, so its time is over too; what is paid for stays locked.
    let token = other.queue(&sale).await;
    for (buyer, hold) in [(&before, &first), (&during, &second)] {
        for seat in &hold.seat_ids {
            assert_eq!(other.seat_status(&sale, *seat).await, "HOLD");
        }
        let reply = other.try_hold(&sale, &token, &hold.seat_ids).await;
        reply.expect_problem(409, "SEAT_UNAVAILABLE");
        let reservation = buyer.reservation(hold.reservation_id).await.expect(200);
        assert_eq!(reservation["status"], "PENDING");
    }
    let cancelled = during
        .api()
        .delete(&format!("/reservations/{}", second.reservation_id))
        .await;
    cancelled.expect_problem(409, "PAYMENT_IN_PROGRESS");
    // Two payments, and the hold that ran out.
    eventually("three messages wait", SOON, || async {
        (count(UNPUBLISHED).await >= 3).then_some(())
    })
    .await;
    assert_eq!(count(PARKED).await, 0);

    kafka.restart().await;
    for (buyer, hold) in [(&before, &first), (&during, &second)] {
        let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
        for seat in &hold.seat_ids {
            buyer.wait_for_seat(&sale, *seat, "SOLD").await;
        }
    }
    let books = system.audit().await;
    assert_eq!(books.count(PARKED).await, 0);
    assert_eq!(books.count(OUT_OF_ORDER).await, 0);
}
