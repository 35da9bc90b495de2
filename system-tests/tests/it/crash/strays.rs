//! Deaths that need more than one buyer's journey: two services die, the provider is away, Redis forgets, a message is
//! poison.

use super::{
    End, Journey,
    shopper::{Heir, Shopper, insist},
    system,
};
use messages::Topic;
use rdkafka::{
    ClientConfig,
    producer::{FutureProducer, FutureRecord},
};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use system_tests::{Buyer, Part, Sale, System};
use test_support::{connect_redis, eventually};
use tokio::sync::Mutex;
use uuid::Uuid;

/// The points that the tests below reach.
pub(super) const POINTS: [&str; 4] = [
    "payment.stuck-saga.asked",
    "payment.confirm.lock-given-back",
    "outbox.dead-letter.sent",
    "reservation.rebuild.restored",
];

const SOON: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn driving_a_stuck_saga_dies_and_the_booking_is_confirmed_all_the_same() {
    let mut system = system(&[("SAGA_STUCK_AFTER_SECONDS", "1")]).await;
    let (shopper, _sale) = shopper(&system).await;
    // The success is not heard for some seconds, so that the saga looks stuck.
    let success = "outbox.consumer.before-commit reservation-payment-consumer PaymentSuccess";
    system.arm(Part::Reservation, success);
    system.arm(Part::Payment, "payment.stuck-saga.asked");
    let journey = tokio::spawn(async move { shopper.walk(Journey::Pay).await });
    system.wait_for_death(Part::Reservation).await;
    system.restart(Part::Reservation).await;
    system.wait_for_death(Part::Payment).await;
    system.restart(Part::Payment).await;
    assert_eq!(journey.await.unwrap(), End::Confirmed);
    system.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn portone_is_away_and_we_die_between_giving_the_lock_back_and_the_confirm() {
    let mut system = system(&[]).await;
    let sale = system.admin().await.open_sale(1, 4).await;
    let buyer = Buyer::register(&system).await;
    let hold = buyer.queue_and_hold(&sale, 2).await;
    let (key, token) = buyer.pay_in_window(&hold, system_tests::Outcome::Pay).await;
    system.kill(Part::Simulators).await;
    system.arm(Part::Payment, "payment.confirm.lock-given-back");
    let confirming = {
        let (buyer, token) = (buyer.clone(), token.clone());
        tokio::spawn(async move { buyer.confirm(key, &token).await })
    };
    system.wait_for_death(Part::Payment).await;
    assert!(confirming.await.unwrap().status.is_server_error());
    system.restart(Part::Simulators).await;
    system.restart(Part::Payment).await;
    // Nothing was charged, and PortOne says so in time. The hold is not locked, so the buyer may begin again.
    let reply = eventually("the confirm has ended", SOON, || async {
        let reply = insist(|| buyer.confirm(key, &token)).await;
        (reply.status != 202).then_some(reply)
    })
    .await;
    assert_eq!(reply.expect_problem(409, "PAYMENT_NOT_PENDING")["charged"], false);
    let _payment = buyer.pay(&hold).await;
    let _confirmed = buyer.wait_for(hold.reservation_id, "CONFIRMED").await;
    system.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_holds_rebuilder_dies_half_way_and_the_holds_are_there_again() {
    let mut system = system(&[]).await;
    let sale = system.admin().await.open_sale(1, 4).await;
    let (owner, rival) = (Buyer::register(&system).await, Buyer::register(&system).await);
    let mut hold = owner.queue_and_hold(&sale, 2).await;
    system.arm(Part::Reservation, "reservation.rebuild.restored");
    flush_redis(&system).await;
    system.wait_for_death(Part::Reservation).await;
    system.restart(Part::Reservation).await;
    let key = format!("seat:hold:{{{}}}:{}", sale.event_id, hold.seat_ids[0]);
    eventually("the hold is in Redis again", SOON, || redis_has(&system, &key)).await;
    assert_eq!(rival.seat_status(&sale, hold.seat_ids[0]).await, "HOLD");
    let path = format!("/reservations/hold/{}/payment-token", hold.reservation_id);
    let nothing = json!({});
    let fresh = insist(|| owner.api().post(&path, &nothing)).await;
    fresh.body["paymentToken"]
        .as_str()
        .expect("a token")
        .clone_into(&mut hold.payment_token);
    let _payment = owner.pay(&hold).await;
    let _confirmed = owner.wait_for(hold.reservation_id, "CONFIRMED").await;
    system.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_dies_over_a_dead_letter_and_its_partition_goes_on() {
    let mut system = system(&[]).await;
    let (shopper, _sale) = shopper(&system).await;
    system.arm(Part::Event, "outbox.dead-letter.sent event-payment-consumer");
    poison(&system).await;
    system.wait_for_death(Part::Event).await;
    system.restart(Part::Event).await;
    assert_eq!(shopper.walk(Journey::Pay).await, End::Confirmed);
    system.audit().await;
}

async fn shopper(system: &System) -> (Shopper, Sale) {
    let sale = system.admin().await.open_sale(1, 8).await;
    let heir = Heir::of(system, &sale).await;
    let seats = heir.free_seats(4).await;
    let shopper = Shopper::of(system, &sale, seats, Arc::new(Mutex::new(heir))).await;
    (shopper, sale)
}

/// Puts something on every partition of `payment.events` that is no message.
async fn poison(system: &System) {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", system.env().kafka())
        .create()
        .unwrap();
    let topic = Topic::PaymentEvents.with_prefix(system.env().topic_prefix());
    let rubbish = json!({"neither": "type nor version"}).to_string();
    for partition in 0..3 {
        let key = Uuid::now_v7().to_string();
        let record = FutureRecord::to(&topic)
            .partition(partition)
            .key(&key)
            .payload(&rubbish);
        producer.send(record, SOON).await.unwrap();
    }
}

async fn connect(system: &System) -> redis::aio::MultiplexedConnection {
    connect_redis(system.env().redis_url()).await
}

async fn flush_redis(system: &System) {
    let () = redis::cmd("FLUSHDB")
        .query_async(&mut connect(system).await)
        .await
        .unwrap();
}

async fn redis_has(system: &System, key: &str) -> Option<()> {
    let found: u8 = redis::cmd("EXISTS")
        .arg(key)
        .query_async(&mut connect(system).await)
        .await
        .unwrap();
    (found == 1).then_some(())
}
