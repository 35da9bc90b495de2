//! Other seats instead of held ones: `PUT /reservations/hold/{id}`.

use crate::helpers::{App, Buyer, SOON, uuid};
use chrono::TimeDelta;
use common::internal_auth::Service;
use redis::AsyncCommands;
use serde_json::{Value, json};
use std::time::Duration;
use test_support::{Reply, TestEnv, eventually};
use tokio::task::JoinSet;
use uuid::Uuid;

const NOBODY: Option<Uuid> = None;

fn taken(reply: Reply, seats: &[u128]) {
    let problem = reply.expect_problem(409, "SEAT_UNAVAILABLE");
    let seats: Vec<Uuid> = seats.iter().map(|seat| Uuid::from_u128(*seat)).collect();
    assert_eq!(problem["seatIds"], json!(seats));
}

#[tokio::test(flavor = "multi_thread")]
async fn seats_are_swapped_and_the_hold_ends_when_it_would_have_ended() {
    let app = App::start().await;
    let buyer = app.buyer();
    let held = buyer.try_hold(&[1, 2]).await.expect(201);
    let id = uuid(&held["reservationId"]);

    let swapped = buyer.swap(id, &[4, 2, 3]).await.expect(200);
    for same in ["reservationId", "eventId", "status", "holdExpiresAt"] {
        assert_eq!(swapped[same], held[same], "{same}");
    }
    assert_eq!(swapped["totalAmount"], 450_000);
    let seat = |n: u128| json!({"seatId": Uuid::from_u128(n), "seatNumber": format!("A-{n}"), "grade": "VIP", "price": 150_000});
    assert_eq!(swapped["seats"], json!([seat(2), seat(3), seat(4)]));
    let token = swapped["paymentToken"].as_str().unwrap();
    assert!(token.starts_with("qp_") && swapped["paymentToken"] != held["paymentToken"]);

    assert_eq!((app.seats_of(id).await, app.version(id).await), (vec![2, 3, 4], 2));
    let mine = Some(id);
    assert_eq!(app.holders(&[1, 2, 3, 4]).await, [NOBODY, mine, mine, mine]);
    let key = format!("seat:hold:{{{}}}:{}", app.event_id, Uuid::from_u128(3));
    let ttl: i64 = app.redis().await.pttl(&key).await.unwrap();
    assert!((1..300_000).contains(&ttl), "{ttl}");
    let shown = buyer.reservation(id).await;
    assert_eq!(
        (&shown["seats"], &shown["totalAmount"]),
        (&swapped["seats"], &json!(450_000))
    );
    assert_eq!(
        app.neighbours.known().reservations_changed,
        [(id, json!({"reservationVersion": 2}))]
    );
    let expiries: i64 =
        sqlx::query_scalar("select count(distinct expires_at) from reservation_service.seat_assignments")
            .fetch_one(&app.database)
            .await
            .unwrap();
    assert_eq!(expiries, 1, "the seats that stayed and those that came expire together");

    // Fewer are fine as well, and what was given up is free for others.
    let _ = buyer.swap(id, &[3]).await.expect(200);
    assert_eq!(app.seats("HOLD").await, [3]);
    app.buyer().hold(&[1, 2, 4]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seats_again_change_nothing_and_mend_redis() {
    let app = App::start().await;
    let buyer = app.buyer();
    let id = buyer.hold(&[1]).await;
    let mut first = buyer.swap(id, &[2, 3]).await.expect(200);
    app.flush_redis().await;
    let mut again = buyer.swap(id, &[3, 2]).await.expect(200);
    assert_ne!(first["paymentToken"], again["paymentToken"], "a fresh token");
    for reply in [&mut first, &mut again] {
        reply["paymentToken"] = Value::Null;
    }
    assert_eq!(first, again);
    assert_eq!(app.version(id).await, 2);
    assert_eq!(app.holders(&[1, 2, 3]).await, [NOBODY, Some(id), Some(id)]);
    assert_eq!(app.neighbours.known().reservations_changed.len(), 1);
    // The hold's own replay finds the new seats.
    let held = buyer.try_hold(&[2, 3]).await.expect(200);
    assert_eq!(uuid(&held["reservationId"]), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn seats_of_others_cannot_be_had_and_the_old_ones_stay_held() {
    let app = App::start().await;
    let (buyer, other) = (app.buyer(), app.buyer());
    let (id, theirs) = (buyer.hold(&[1, 2]).await, other.hold(&[3]).await);
    taken(buyer.swap(id, &[2, 3, 4]).await, &[3]);
    assert_eq!(app.seats_of(id).await, [1, 2]);
    let (mine, theirs) = (Some(id), Some(theirs));
    assert_eq!(app.holders(&[1, 2, 3, 4]).await, [mine, mine, theirs, NOBODY]);

    // The database says the same when Redis knows nothing, and Redis then knows no more than before.
    app.flush_redis().await;
    taken(buyer.swap(id, &[2, 3, 4]).await, &[3]);
    assert_eq!((app.seats_of(id).await, app.version(id).await), (vec![1, 2], 1));
    assert_eq!(app.redis_holder(4).await, NOBODY);
    assert_ne!(app.redis_holder(3).await, mine);
    assert_eq!(app.seats("HOLD").await, [1, 2, 3]);

    app.confirm(theirs.unwrap()).await;
    taken(buyer.swap(id, &[3]).await, &[3]);
    assert!(app.neighbours.known().reservations_changed.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_and_others_reservations_are_refused() {
    let app = App::start().await;
    let buyer = app.buyer();
    let id = buyer.hold(&[1]).await;
    for seats in [&[][..], &[2, 2], &[1, 999]] {
        let problem = buyer.swap(id, seats).await.expect_problem(400, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["field"], "seatIds", "{seats:?}");
    }
    let problem = buyer
        .swap(id, &[1, 2, 3, 4, 5])
        .await
        .expect_problem(409, "TICKET_LIMIT_EXCEEDED");
    assert_eq!(problem["limit"], 4);
    app.buyer().swap(id, &[2]).await.expect_problem(404, "NOT_FOUND");
    buyer.swap(Uuid::now_v7(), &[2]).await.expect_problem(404, "NOT_FOUND");
    let path = format!("/reservations/hold/{id}");
    let extra = json!({"seatIds": [Uuid::from_u128(2)], "eventId": app.event_id});
    buyer
        .api
        .put(&path, &extra)
        .await
        .expect_problem(400, "VALIDATION_FAILED");
    buyer
        .api
        .put("/reservations/hold/x", &json!({"seatIds": [Uuid::from_u128(2)]}))
        .await
        .expect_problem(400, "VALIDATION_FAILED");
    assert_eq!((app.seats_of(id).await, app.redis_holder(2).await), (vec![1], NOBODY));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_has_no_more_seats_of_an_event_by_a_swap() {
    let app = App::start().await;
    let buyer = app.buyer();
    let first = buyer.hold(&[1, 2, 3]).await;
    app.confirm(first).await;
    let id = buyer.hold(&[4]).await;
    let problem = buyer
        .swap(id, &[4, 5])
        .await
        .expect_problem(409, "TICKET_LIMIT_EXCEEDED");
    assert_eq!(problem["limit"], 4);
    assert_eq!(app.holders(&[4, 5]).await, [Some(id), NOBODY]);
    let _ = buyer.swap(id, &[5]).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_payment_keeps_its_seats() {
    let app = App::start().await;
    let buyer = app.buyer();
    let (id, payment) = (buyer.hold(&[1, 2]).await, Uuid::now_v7());
    let _ = app.lock(&buyer, id, payment, 300_000).await.expect(200);
    for seats in [&[2, 3][..], &[1, 2]] {
        buyer.swap(id, seats).await.expect_problem(409, "PAYMENT_IN_PROGRESS");
    }
    assert_eq!(app.holders(&[1, 2, 3]).await, [Some(id), Some(id), NOBODY]);

    let unlock = format!("/internal/reservations/{id}/payment-unlock");
    let body = json!({"paymentId": payment});
    let _ = app.as_service(Service::Payment).post(&unlock, &body).await.expect(204);
    let _ = buyer.swap(id, &[2]).await.expect(200);
    app.lock(&buyer, id, payment, 300_000)
        .await
        .expect_problem(409, "AMOUNT_MISMATCH");
    let _ = app.lock(&buyer, id, payment, 150_000).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_or_sold_keeps_its_seats() {
    let env = TestEnv::new().await.with("SWEEP_INTERVAL_SECONDS", 600);
    let app = App::start_in(env).await;
    let (sold, released, expired) = (app.buyer(), app.buyer(), app.buyer());
    let id = sold.hold(&[1]).await;
    app.confirm(id).await;
    sold.swap(id, &[9]).await.expect_problem(409, "RESERVATION_NOT_PENDING");

    let id = released.hold(&[2]).await;
    let _ = released
        .api
        .delete(&format!("/reservations/hold/{id}"))
        .await
        .expect(204);
    released
        .swap(id, &[9])
        .await
        .expect_problem(409, "RESERVATION_NOT_PENDING");

    let id = expired.hold(&[3]).await;
    expire(&app, id).await;
    expired.swap(id, &[9]).await.expect_problem(409, "HOLD_EXPIRED");
    expired.swap(id, &[3]).await.expect_problem(409, "HOLD_EXPIRED");
    // Somebody else takes the seat, which ends the reservation for good.
    app.flush_redis().await;
    app.buyer().hold(&[3]).await;
    expired.swap(id, &[9]).await.expect_problem(409, "HOLD_EXPIRED");
    assert_eq!(app.redis_holder(9).await, NOBODY);
}

/// Lets a hold run out.
async fn expire(app: &App, id: Uuid) {
    for statement in [
        "update reservation_service.seat_assignments set expires_at = clock_timestamp() where reservation_id = $1",
        "update reservation_service.reservations set hold_expires_at = clock_timestamp() where id = $1",
    ] {
        sqlx::query(statement).bind(id).execute(&app.database).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_whose_hold_ran_out_is_taken_over_and_its_reservation_ends() {
    let env = TestEnv::new().await.with("SWEEP_INTERVAL_SECONDS", 600);
    let app = App::start_in(env).await;
    let (buyer, late) = (app.buyer(), app.buyer());
    let (id, old) = (buyer.hold(&[1]).await, late.hold(&[2, 3]).await);
    expire(&app, old).await;
    app.flush_redis().await;
    let _ = buyer.swap(id, &[1, 3]).await.expect(200);
    assert_eq!(late.reservation(old).await["cancelReason"], "HOLD_EXPIRED");
    assert_eq!(app.messages("ReservationCancelled", old).await.len(), 1);
    assert_eq!(
        (app.seats_of(id).await, app.seats("HOLD").await),
        (vec![1, 3], vec![1, 3])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_cancelled_or_ended_sale_swaps_nothing() {
    let app = App::start_in(TestEnv::new().await.with("CATALOGUE_TTL_SECONDS", 0)).await;
    let buyer = app.buyer();
    let id = buyer.hold(&[1]).await;
    let refused = async |buyer: &Buyer| {
        buyer.swap(id, &[2]).await.expect_problem(409, "SALE_CLOSED");
        assert_eq!(app.holders(&[1, 2]).await, [Some(id), NOBODY]);
    };
    app.neighbours.known().event.status = "CANCELLED";
    refused(&buyer).await;
    app.neighbours.known().event.status = "ONGOING";
    let end = app.neighbours.known().event.sale_end_at;
    app.neighbours.known().event.sale_end_at = end - TimeDelta::days(30);
    refused(&buyer).await;
    app.neighbours.known().event.sale_end_at = end;
    sqlx::query("insert into reservation_service.closed_events (event_id, reason) values ($1, 'CANCELLED')")
        .bind(app.event_id)
        .execute(&app.database)
        .await
        .unwrap();
    refused(&buyer).await;
    assert_eq!(app.seats_of(id).await, [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_are_those_of_the_catalogue_now() {
    let app = App::start().await;
    let buyer = app.buyer();
    let id = buyer.hold(&[1, 2]).await;
    {
        let mut known = app.neighbours.known();
        (known.event.price, known.event.version) = (170_000, 2);
    }
    sqlx::query("insert into reservation_service.event_versions (event_id, version) values ($1, 2)")
        .bind(app.event_id)
        .execute(&app.database)
        .await
        .unwrap();
    let swapped = buyer.swap(id, &[2, 3]).await.expect(200);
    assert_eq!(swapped["totalAmount"], 340_000);
    assert_eq!(swapped["seats"], buyer.reservation(id).await["seats"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_stands_without_the_queue_and_the_payment_service() {
    let app = App::start().await;
    let buyer = app.buyer();
    let id = buyer.hold(&[1]).await;
    {
        let mut known = app.neighbours.known();
        (known.payment_tokens_down, known.payments_down) = (true, true);
    }
    let swapped = buyer.swap(id, &[2]).await.expect(200);
    assert_eq!(swapped["paymentToken"], Value::Null);
    assert_eq!(app.seats_of(id).await, [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_who_hangs_up_keeps_the_old_seats_and_blocks_no_new_ones() {
    let app = App::start().await;
    let buyer = app.buyer();
    let id = buyer.hold(&[1, 2]).await;
    // The buyer's own lock is taken, so that the request stops between Redis and the database.
    let mut blocker = app.database.begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('buyer:' || $1::uuid || ':' || $2::uuid, 0))")
        .bind(buyer.id)
        .bind(app.event_id)
        .execute(&mut *blocker)
        .await
        .unwrap();
    let mut call = JoinSet::new();
    let caller = buyer.clone();
    call.spawn(async move { caller.swap(id, &[2, 3]).await });
    eventually("Redis is asked", SOON, async || app.redis_holder(3).await).await;
    call.shutdown().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    blocker.rollback().await.unwrap();
    eventually("the new seat is free in Redis", SOON, async || {
        app.redis_holder(3).await.is_none().then_some(())
    })
    .await;
    assert_eq!(app.holders(&[1, 2]).await, [Some(id), Some(id)]);
    assert_eq!(app.seats_of(id).await, [1, 2]);
}
