//! What does not become right by itself is shown to operators, who put it right with `ticketctl` on the running system.

use clap::Parser;
use common::config::Env;
use serde_json::json;
use std::time::Duration;
use system_tests::{Buyer, System, count};
use test_support::eventually;

const SOON: Duration = Duration::from_secs(60);

/// Runs the operators' tool on this system.
async fn ticketctl(system: &System, command: &str) {
    let database = system.env().superuser_url();
    let arguments = ["ticketctl"]
        .into_iter()
        .chain(command.split(' '))
        .chain(["--database-url", &database]);
    let cli = ticketctl::Cli::try_parse_from(arguments).unwrap();
    let env = Env::from_pairs(system.env().pairs(None)).unwrap();
    Box::pin(ticketctl::run(cli, &env)).await.unwrap();
}

/// The names of the checks that find something.
async fn broken(system: &System) -> Vec<&'static str> {
    let report = system.auditor().look().await.unwrap();
    report.broken.iter().map(|broken| broken.check).collect()
}

async fn one(system: &System, statement: &'static str) -> Option<()> {
    (count(&system.env().superuser_url(), statement).await == 1).then_some(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_was_given_up_is_put_back_and_succeeds() {
    let system = System::start_with(&[
        ("REFUND_RETRY_FOR_SECONDS", "0.5"),
        ("REFUND_BACKOFF_SECONDS", "0.2"),
        ("PAYMENT_WORKER_POLL_MS", "100"),
    ])
    .await;
    let sale = system.admin().await.open_sale(1, 4).await;
    let buyer = Buyer::register(&system).await;
    let hold = buyer.queue_and_hold(&sale, 2).await;
    let payment = buyer.pay(&hold).await["paymentId"].as_str().unwrap().to_owned();
    let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
    system.faults(&json!({"portone": {"cancel": {"errorRate": 1.0}}})).await;
    let path = format!("/reservations/{}", hold.reservation_id);
    let _cancelled = buyer.api().delete(&path).await.expect(200);
    let given_up = "select count(*) from payment_service.refunds where status = 'FAILED'";
    eventually("the refund is given up", SOON, || one(&system, given_up)).await;
    eventually("the audit names it", SOON, || async {
        (broken(&system).await == ["refund_given_up", "sums_differ"]).then_some(())
    })
    .await;
    ticketctl(&system, "refund list").await;
    ticketctl(&system, "saga list --stuck").await;

    system.no_faults().await;
    ticketctl(&system, &format!("refund retry {payment}")).await;
    let _refunded = buyer.wait_for_refund(hold.reservation_id).await;
    ticketctl(&system, &format!("saga show {payment}")).await;
    system.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_paused_and_goes_on_while_buyers_stand_in_it() {
    let system = System::start().await;
    let admin = system.admin().await;
    let sale = admin.open_sale(1, 4).await;
    let stats = format!("/queue/admin/stats?eventId={}", sale.event_id);
    let told = async |member: &'static str, value: serde_json::Value| {
        let stats = admin.api().get(&stats).await.expect(200);
        (stats[member] == value).then_some(())
    };
    ticketctl(&system, &format!("queue pause {} --operator kim", sale.event_id)).await;
    eventually("the line is paused", SOON, || told("paused", json!(true))).await;
    let buyer = Buyer::register(&system).await;
    let entered = buyer
        .api()
        .post("/queue/enter", &json!({"eventId": sale.event_id}))
        .await;
    let _place = entered.expect(200);
    eventually("the buyer stands in it", SOON, || told("waiting", json!(1))).await;

    ticketctl(
        &system,
        &format!("queue set {} --rate 20 --operator kim", sale.event_id),
    )
    .await;
    eventually("the rate is known", SOON, || told("admissionPerSecond", json!(20))).await;
    // Several admissions' time has gone by since the pause.
    let (waiting, admitted) = tokio::join!(told("waiting", json!(1)), told("admitted", json!(0)));
    assert_eq!((waiting, admitted), (Some(()), Some(())));
    ticketctl(&system, &format!("queue resume {} --operator kim", sale.event_id)).await;
    let _token = buyer.admitted(&sale).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_booking_whose_message_is_a_dead_letter_is_driven_on_and_the_letter_replayed() {
    let system = System::start_with(&[("CONSUMER_RETRIES", "0"), ("PAYMENT_WORKER_POLL_MS", "100")]).await;
    let sale = system.admin().await.open_sale(1, 4).await;
    let buyer = Buyer::register(&system).await;
    let hold = buyer.queue_and_hold(&sale, 1).await;
    let db = sqlx::PgPool::connect(&system.env().superuser_url()).await.unwrap();
    sqlx::raw_sql(
        "create function reservation_service.refuse() returns trigger language plpgsql
            as 'begin raise exception ''refused''; end';
         create trigger refuse before insert on reservation_service.processed_events
            for each row when (new.consumer = 'reservation-payment-consumer')
            execute function reservation_service.refuse()",
    )
    .execute(&db)
    .await
    .unwrap();
    let _paid = buyer.pay(&hold).await;
    // The seats are sold on the map; the reservation has not heard of it and never will.
    buyer.wait_for_seat(&sale, hold.seat_ids[0], "SOLD").await;
    eventually("the audit misses the effect", SOON, || async {
        broken(&system).await.contains(&"message_not_handled").then_some(())
    })
    .await;
    let dead = || async {
        let letters = format!("dlq show dlq.payment:0 --kafka-brokers {}", system.env().kafka());
        let prefix = system.env().topic_prefix().to_owned();
        let cli = ticketctl::Cli::try_parse_from(
            ["ticketctl"]
                .into_iter()
                .chain(letters.split(' '))
                .chain(["--topic-prefix", &prefix]),
        );
        let env = Env::from_pairs(system.env().pairs(None)).unwrap();
        Box::pin(ticketctl::run(cli.unwrap(), &env)).await.ok()
    };
    eventually("the message is a dead letter", SOON, dead).await;

    sqlx::raw_sql("drop function reservation_service.refuse() cascade")
        .execute(&db)
        .await
        .unwrap();
    ticketctl(&system, &format!("saga drive {}", hold.reservation_id)).await;
    let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;

    let (kafka, prefix) = (system.env().kafka().to_owned(), system.env().topic_prefix().to_owned());
    let replay = format!("dlq replay --all-of dlq.payment --kafka-brokers {kafka} --topic-prefix {prefix}");
    ticketctl(&system, &replay).await;
    system.audit().await;
}
