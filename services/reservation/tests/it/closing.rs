//! Cancelled and deleted events, over Kafka and HTTP (design.md §8.5).

use crate::{
    helpers::{App, SOON, hold_body, uuid},
    messages::{Booking, Others, start},
};
use chrono::TimeDelta;
use common::internal_auth::Service;
use futures_util::future::join_all;
use messages::EventCancelled;
use reservation_service::{Config, build};
use serde_json::{Value, json};
use std::time::Duration;
use test_support::{Login, Running, TestEnv, eventually};
use tokio::task::JoinSet;
use uuid::Uuid;

fn cancelled(app: &App, others: &Others) -> EventCancelled {
    EventCancelled {
        concert_id: app.event_id,
        version: 2,
        reason: "The artist is ill".to_owned(),
        cancelled_at: others.at,
    }
}

async fn start_with(settings: &[(&str, &str)]) -> (App, Others) {
    let mut env = TestEnv::new().await.with_topics().await;
    for (variable, value) in settings {
        env.set(variable, value);
    }
    let app = App::start_in(env).await;
    let others = Others::new(&app);
    (app, others)
}

impl App {
    async fn number(&self, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement).fetch_one(&self.database).await.unwrap()
    }

    async fn until(&self, what: &str, statement: &'static str, expected: i64) {
        eventually(what, SOON, async || {
            (self.number(statement).await == expected).then_some(())
        })
        .await;
    }

    async fn replica(&self) -> Running {
        let config = Config::from_env(&self.env.env(Some(Login::Reservation))).unwrap();
        Running::start(build(config).await.unwrap())
    }

    async fn claims(&self) -> Value {
        let path = format!("/internal/reservations/exists/{}", self.event_id);
        self.as_service(Service::Event).get(&path).await.expect(200)
    }
}

const FINISHED: &str = "select count(*) from reservation_service.closed_events where finished_at is not null";
const LIVE: &str = "select count(*) from reservation_service.reservations where status <> 'CANCELLED'";

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_event_ends_its_reservations_in_chunks_and_takes_no_more() {
    let (app, others) = start_with(&[("CLOSING_CHUNK", "2")]).await;
    let (mut held, mut confirmed) = (Vec::new(), Vec::new());
    for seat in 1..=6 {
        let buyer = app.buyer();
        let id = buyer.hold(&[seat]).await;
        if seat > 3 {
            app.confirm(id).await;
            confirmed.push((buyer, id));
        } else {
            held.push((buyer, id));
        }
    }
    let paying = Booking::locked(&app, 7).await;
    let mut waiting = JoinSet::new();
    let (buyer, id) = held[0].clone();
    waiting.spawn(async move {
        // A wait may be over before the consumers have got their partitions.
        loop {
            let shown = buyer.api.get(&format!("/reservations/{id}?wait=20")).await.expect(200);
            if shown["status"] != "PENDING" {
                return shown;
            }
        }
    });

    others.send(&cancelled(&app, &others)).await;
    app.until("only what is being paid for is left", LIVE, 1).await;
    let woken = waiting.join_next().await.unwrap().unwrap();
    assert_eq!(
        (&woken["status"], &woken["cancelReason"]),
        (&json!("CANCELLED"), &json!("EVENT_CANCELLED"))
    );
    for (buyer, id) in &held {
        let shown = buyer.reservation(*id).await;
        assert_eq!(
            (&shown["cancelReason"], &shown["refund"]),
            (&json!("EVENT_CANCELLED"), &Value::Null)
        );
    }
    for (buyer, id) in &confirmed {
        let shown = buyer.reservation(*id).await;
        assert_eq!(shown["cancelReason"], "EVENT_CANCELLED");
        assert_eq!(
            (&shown["refund"]["status"], &shown["refund"]["amount"]),
            (&json!("REQUESTED"), &json!(150_000))
        );
        assert!(shown["refund"]["requestedAt"].is_string());
    }
    for ((_, id), was_confirmed) in held.iter().zip([false; 3]).chain(confirmed.iter().zip([true; 3])) {
        let told = app.messages("ReservationCancelled", *id).await;
        assert_eq!(told.len(), 1);
        assert_eq!(
            (
                &told[0]["reason"],
                &told[0]["wasConfirmed"],
                &told[0]["paymentId"].is_string()
            ),
            (&json!("EVENT_CANCELLED"), &json!(was_confirmed), &was_confirmed)
        );
    }
    let chunks = "select count(distinct xmin::text) from reservation_service.reservations where status = 'CANCELLED'";
    assert_eq!(app.number(chunks).await, 3, "six reservations, two at a time");
    eventually("the holds are released in Redis", SOON, async || {
        let holders = join_all((1..=3).map(|seat| app.redis_holder(seat))).await;
        holders.iter().all(Option::is_none).then_some(())
    })
    .await;

    // Nobody gets in, although the event service, as it is here, says that the event is on sale.
    app.buyer().try_hold(&[1]).await.expect_problem(409, "SALE_CLOSED");
    assert_eq!(app.redis_holder(1).await, None, "the refused hold left nothing");
    assert_eq!(app.claims().await, json!({"exists": true, "closed": true}));
    assert_eq!(app.number(FINISHED).await, 0, "a payment runs");

    // The payment lets go; the next round ends it.
    let path = format!("/internal/reservations/{}/payment-unlock", paying.id);
    let unlock = json!({"paymentId": paying.payment});
    let _ = app.as_service(Service::Payment).post(&path, &unlock).await.expect(204);
    let shown = paying.becomes("CANCELLED").await;
    assert_eq!(shown["cancelReason"], "EVENT_CANCELLED");
    app.until("the event is done with", FINISHED, 1).await;
    assert_eq!(app.claims().await, json!({"exists": false, "closed": true}));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outcome_of_a_payment_under_way_decides_and_its_money_goes_back() {
    let (app, others) = start().await;
    let (succeeds, fails) = (Booking::locked(&app, 1).await, Booking::locked(&app, 3).await);
    others.send(&cancelled(&app, &others)).await;
    app.until(
        "the event is closed",
        "select count(*) from reservation_service.closed_events",
        1,
    )
    .await;
    let late = app
        .lock(&succeeds.buyer, succeeds.id, succeeds.payment, succeeds.amount())
        .await;
    let _same = late.expect(200);
    for booking in [&succeeds, &fails] {
        assert_eq!(booking.buyer.reservation(booking.id).await["status"], "PENDING");
        let cancel = booking.buyer.api.delete(&format!("/reservations/{}", booking.id)).await;
        cancel.expect_problem(409, "PAYMENT_IN_PROGRESS");
    }

    others.send(&others.paid(&succeeds)).await;
    others.send(&others.failed(&fails, fails.payment)).await;
    let shown = succeeds.becomes("CANCELLED").await;
    assert_eq!(
        (
            &shown["cancelReason"],
            &shown["refund"]["status"],
            &shown["refund"]["amount"]
        ),
        (
            &json!("EVENT_CANCELLED"),
            &json!("REQUESTED"),
            &json!(succeeds.amount())
        )
    );
    let told = app.messages("ReservationConfirmationFailed", succeeds.id).await;
    assert_eq!((told.len(), &told[0]["reason"]), (1, &json!("EVENT_CLOSED")));
    assert!(
        app.messages("ReservationCancelled", succeeds.id).await.is_empty(),
        "one refund is asked for, once"
    );
    assert_eq!(fails.becomes("CANCELLED").await["cancelReason"], "PAYMENT_FAILED");
    app.until("the event is done with", FINISHED, 1).await;
    assert!(app.seats("SOLD").await.is_empty() && app.seats("HOLD").await.is_empty());
}

/// Confirmations, holds and the cancellation at once, on two replicas: every payment's money is either not taken or asked
/// back exactly once, and no live reservation is left.
#[tokio::test(flavor = "multi_thread")]
async fn confirmations_that_race_with_the_cancellation_are_refunded_once() {
    let (app, others) = start_with(&[("CLOSING_CHUNK", "2"), ("CLOSING_INTERVAL_SECONDS", "0.1")]).await;
    let _second = app.replica().await;
    let mut bookings = Vec::new();
    for seat in [1, 3, 5, 7, 9] {
        bookings.push(Booking::locked(&app, seat).await);
    }
    let pay = join_all(bookings.iter().map(async |booking| {
        moment().await;
        others.send(&others.paid(booking)).await;
    }));
    let cancel = async {
        moment().await;
        others.send(&cancelled(&app, &others)).await;
    };
    let hold = async {
        moment().await;
        app.buyer().try_hold(&[11]).await
    };
    let (_, (), held) = tokio::join!(pay, cancel, hold);
    if held.status != 409 {
        let _held = held.expect(201);
    }
    app.until("the event is done with", FINISHED, 1).await;
    assert_eq!(app.number(LIVE).await, 0);
    assert_eq!(
        app.number("select count(*) from reservation_service.seat_assignments")
            .await,
        0
    );
    for booking in &bookings {
        let confirmed = app.messages("ReservationConfirmed", booking.id).await.len();
        let cancelled = app.messages("ReservationCancelled", booking.id).await;
        let refused = app.messages("ReservationConfirmationFailed", booking.id).await.len();
        let ways = (confirmed, cancelled.len(), refused);
        assert!(ways == (1, 1, 0) || ways == (0, 0, 1), "{ways:?}");
        assert!(cancelled.iter().all(|told| told["wasConfirmed"] == true));
        let shown = booking.buyer.reservation(booking.id).await;
        assert_eq!(shown["refund"]["status"], "REQUESTED", "{shown}");
    }
}

async fn moment() {
    tokio::time::sleep(Duration::from_millis(u64::from(rand::random::<u8>() % 40))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_stops_in_the_middle_leaves_the_rest_to_the_next() {
    let (app, others) = start_with(&[("CLOSING_CHUNK", "3"), ("CLOSING_INTERVAL_SECONDS", "0.1")]).await;
    let mut ids: Vec<Uuid> = Vec::new();
    for seat in 1..=12 {
        ids.push(app.buyer().hold(&[seat]).await);
    }

    // Some are out of reach for now, so that the first replica cannot get through.
    let mut busy = app.database.begin().await.unwrap();
    sqlx::query("select from reservation_service.reservations where id = any($1) for update")
        .bind(&ids[..5])
        .fetch_all(&mut *busy)
        .await
        .unwrap();
    others.send(&cancelled(&app, &others)).await;
    app.until("what can be had has ended", LIVE, 5).await;
    let App {
        running,
        neighbours,
        database,
        event_id,
        env,
    } = app;
    running.stop().await;
    busy.rollback().await.unwrap();

    let config = Config::from_env(&env.env(Some(Login::Reservation))).unwrap();
    let app = App {
        running: Running::start(build(config).await.unwrap()),
        neighbours,
        database,
        event_id,
        env,
    };
    app.until("the event is done with", FINISHED, 1).await;
    assert_eq!(app.number(LIVE).await, 0);
    for id in ids {
        assert_eq!(app.messages("ReservationCancelled", id).await.len(), 1);
    }
}

#[tokio::test]
async fn an_event_without_claims_is_closed_on_request_and_one_with_claims_is_not() {
    let app = App::start().await;
    let path = format!("/internal/reservations/exists/{}", app.event_id);
    let close = async || app.as_service(Service::Event).post(&path, &json!({})).await;
    app.as_service(Service::Gateway)
        .post(&path, &json!({}))
        .await
        .expect_problem(403, "FORBIDDEN");

    let buyer = app.buyer();
    let body = hold_body(app.event_id, &[1]);
    let id = uuid(&buyer.api.post("/reservations/hold", &body).await.expect(201)["reservationId"]);
    assert_eq!(close().await.expect(200), json!({"exists": true, "closed": false}));
    assert_eq!(app.claims().await, json!({"exists": true, "closed": false}));
    let _ = buyer.api.delete(&format!("/reservations/hold/{id}")).await.expect(204);

    for _ in 0..2 {
        assert_eq!(close().await.expect(200), json!({"exists": false, "closed": true}));
    }
    assert_eq!(app.claims().await, json!({"exists": false, "closed": true}));
    buyer.try_hold(&[1]).await.expect_problem(409, "SALE_CLOSED");
    let finished =
        "select count(*) from reservation_service.closed_events where reason = 'DELETED' and finished_at is not null";
    assert_eq!(app.number(finished).await, 1, "there is nothing to end");
}

#[tokio::test]
async fn before_seats_and_prices_change_older_copies_are_turned_down_and_claims_are_told() {
    let app = App::start().await;
    let path = format!("/internal/reservations/exists/{}/version", app.event_id);
    let raise = async |version: i64| {
        app.as_service(Service::Event)
            .post(&path, &json!({"version": version}))
            .await
    };
    app.as_service(Service::Queue)
        .post(&path, &json!({"version": 1}))
        .await
        .expect_problem(403, "FORBIDDEN");
    // One replica has a copy of version 1, by which the sale is open.
    let buyer = app.buyer();
    let body = hold_body(app.event_id, &[1]);
    let id = uuid(&buyer.api.post("/reservations/hold", &body).await.expect(201)["reservationId"]);
    assert_eq!(raise(1).await.expect(200), json!({"exists": true, "closed": false}));
    let _ = buyer.api.delete(&format!("/reservations/hold/{id}")).await.expect(204);

    // The sale has been put off, and the message is still on its way.
    {
        let mut known = app.neighbours.known();
        known.event.version = 2;
        known.event.sale_start_at = known.event.sale_end_at - TimeDelta::minutes(1);
    }
    assert_eq!(raise(2).await.expect(200), json!({"exists": false, "closed": false}));
    buyer.try_hold(&[1]).await.expect_problem(409, "SALE_NOT_OPEN");
    let _ = raise(1).await.expect(200);
    let version = "select version from reservation_service.event_versions";
    assert_eq!(app.number(version).await, 2, "it never goes down");
}
