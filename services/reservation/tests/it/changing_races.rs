//! Swaps against each other, and against whatever else may happen to a reservation.

use crate::helpers::{App, Buyer, SOON, uuid};
use common::internal_auth::Service;
use futures_util::future::join_all;
use serde_json::json;
use std::time::Duration;
use test_support::{Reply, TestEnv, eventually};
use uuid::Uuid;

/// Swapped, or refused because of a seat.
#[track_caller]
fn won(reply: Reply) -> bool {
    if reply.status == 200 {
        return true;
    }
    reply.expect_problem(409, "SEAT_UNAVAILABLE");
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn two_buyers_who_want_each_others_seats_both_keep_their_own() {
    let app = App::start().await;
    let (one, two) = (app.buyer(), app.buyer());
    let (a, b) = (one.hold(&[1, 3]).await, two.hold(&[2, 4]).await);
    for round in 0..10 {
        if round % 2 == 1 {
            app.flush_redis().await;
        }
        let (first, second) = tokio::join!(one.swap(a, &[2, 4]), two.swap(b, &[1, 3]));
        assert!(!won(first) && !won(second));
    }
    assert_eq!((app.seats_of(a).await, app.seats_of(b).await), (vec![1, 3], vec![2, 4]));
}

/// Everybody wants something else again and again, with Redis forgetting in between.
#[tokio::test(flavor = "multi_thread")]
async fn in_a_crowd_of_swaps_no_seat_is_given_twice_and_nobody_gets_a_5xx() {
    let app = App::start().await;
    let buyers: Vec<(Buyer, Uuid)> = join_all((1..=4_u128).map(async |seat| {
        let buyer = app.buyer();
        let id = buyer.hold(&[seat]).await;
        (buyer, id)
    }))
    .await;
    for round in 0..10_u128 {
        let wishes = buyers.iter().enumerate().map(async |(nth, (buyer, id))| {
            let nth = nth as u128;
            // Two or three seats out of twelve, in no order, overlapping with the neighbours' wishes.
            let first = (nth * 5 + round * 7) % 12;
            let mut seats = vec![first + 1, (first + 5) % 12 + 1];
            if (round + nth).is_multiple_of(3) {
                seats.insert(0, (first + 9) % 12 + 1);
            }
            won(buyer.swap(*id, &seats).await)
        });
        let flush = async {
            if round % 3 == 2 {
                app.flush_redis().await;
            }
        };
        // How many win is chance: of two who want the same seat at once, each may refuse the other.
        let _ = tokio::join!(join_all(wishes), flush);
    }
    let mut owned = Vec::new();
    for (_, id) in &buyers {
        for seat in app.seats_of(*id).await {
            owned.push(seat);
            // Redis may have forgotten a hold; it never has one of somebody else's.
            assert!(app.redis_holder(seat).await.is_none_or(|holder| holder == *id));
        }
    }
    owned.sort_unstable();
    assert_eq!(app.seats("HOLD").await, owned, "every held seat has one owner");
    let free = app.seats("AVAILABLE").await;
    for seat in &free {
        assert_eq!(app.redis_holder(*seat).await, None, "seat {seat}");
    }
    // The crowd has left nothing behind that is in anybody's way.
    let (buyer, id) = buyers.first().unwrap();
    let mut wish = app.seats_of(*id).await;
    wish.truncate(1);
    wish.extend(free.into_iter().take(3));
    wish.sort_unstable();
    assert!(won(buyer.swap(*id, &wish).await));
    assert_eq!(app.seats_of(*id).await, wish);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_double_click_swaps_once() {
    let app = App::start().await;
    let buyer = app.buyer();
    let id = buyer.hold(&[1]).await;
    for (round, version) in (1..=5).zip(2..) {
        let wish = [round * 2, round * 2 + 1];
        let replies = join_all((0..4).map(|_| buyer.swap(id, &wish))).await;
        for reply in replies {
            assert_eq!(reply.expect(200)["totalAmount"], 300_000);
        }
        assert_eq!(
            (app.seats_of(id).await, app.version(id).await),
            (wish.to_vec(), version)
        );
        assert_eq!(app.holders(&wish).await, [Some(id), Some(id)]);
        assert_eq!(app.seats("HOLD").await, wish);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_swap_and_a_payment_lock_one_comes_first() {
    let app = App::start().await;
    for round in 0..10 {
        let buyer = app.buyer();
        let (id, payment) = (buyer.hold(&[1, 2]).await, Uuid::now_v7());
        let lock = async {
            // So that now one, now the other is likelier to be first.
            tokio::time::sleep(Duration::from_micros(700 * round)).await;
            app.lock(&buyer, id, payment, 300_000).await
        };
        let (swap, lock) = tokio::join!(buyer.swap(id, &[3]), lock);
        if swap.status == 200 {
            lock.expect_problem(409, "AMOUNT_MISMATCH");
            assert_eq!(app.seats_of(id).await, [3]);
        } else {
            swap.expect_problem(409, "PAYMENT_IN_PROGRESS");
            let _ = lock.expect(200);
            assert_eq!(app.seats_of(id).await, [1, 2]);
            assert_eq!(app.redis_holder(3).await, None);
            let unlock = format!("/internal/reservations/{id}/payment-unlock");
            let body = json!({"paymentId": payment});
            let _ = app.as_service(Service::Payment).post(&unlock, &body).await.expect(204);
        }
        let _ = buyer.api.delete(&format!("/reservations/hold/{id}")).await.expect(204);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_swap_and_a_release_at_once_every_seat_is_free() {
    let app = App::start().await;
    for round in 0..10 {
        let buyer = app.buyer();
        let id = buyer.hold(&[1, 2]).await;
        let path = format!("/reservations/hold/{id}");
        let release = async {
            tokio::time::sleep(Duration::from_micros(700 * round)).await;
            buyer.api.delete(&path).await
        };
        let (swap, release) = tokio::join!(buyer.swap(id, &[2, 3]), release);
        let _ = release.expect(204);
        if swap.status != 200 {
            swap.expect_problem(409, "RESERVATION_NOT_PENDING");
        }
        assert_eq!(app.seats("HOLD").await, [0; 0]);
        assert_eq!(app.holders(&[1, 2, 3]).await, [None; 3]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_who_swaps_on_and_on_gets_no_more_time() {
    let env = TestEnv::new()
        .await
        .with("HOLD_TTL_SECONDS", 4)
        .with("SWEEP_INTERVAL_SECONDS", 0.05);
    let app = App::start_in(env).await;
    let buyer = app.buyer();
    let held = buyer.try_hold(&[1]).await.expect(201);
    let id = uuid(&held["reservationId"]);
    let mut swaps = 0_u128;
    loop {
        let reply = buyer.swap(id, &[swaps % 12 + 1, (swaps + 1) % 12 + 1]).await;
        if reply.status != 200 {
            reply.expect_problem(409, "HOLD_EXPIRED");
            break;
        }
        assert_eq!(reply.expect(200)["holdExpiresAt"], held["holdExpiresAt"]);
        swaps += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(swaps > 0, "the machine is too busy to swap even once");
    eventually("the hold is swept", SOON, async || {
        (buyer.reservation(id).await["cancelReason"] == "HOLD_EXPIRED").then_some(())
    })
    .await;
    assert_eq!(app.seats("AVAILABLE").await.len(), 12);
    eventually("every seat is free in Redis", SOON, async || {
        let all: Vec<u128> = (1..=12).collect();
        app.holders(&all).await.iter().all(Option::is_none).then_some(())
    })
    .await;
    assert_eq!(app.messages("ReservationCancelled", id).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_just_being_closed_swaps_nothing() {
    let app = App::start().await;
    let buyer = app.buyer();
    let id = buyer.hold(&[1]).await;
    let mut closer = app.database.begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('event:' || $1::uuid, 0))")
        .bind(app.event_id)
        .execute(&mut *closer)
        .await
        .unwrap();
    let closing = async {
        eventually("the swap is under way", SOON, async || app.redis_holder(2).await).await;
        sqlx::query("insert into reservation_service.closed_events (event_id, reason) values ($1, 'CANCELLED')")
            .bind(app.event_id)
            .execute(&mut *closer)
            .await
            .unwrap();
        closer.commit().await.unwrap();
    };
    let (swap, ()) = tokio::join!(buyer.swap(id, &[2]), closing);
    swap.expect_problem(409, "SALE_CLOSED");
    assert_eq!(app.seats_of(id).await, [1]);
    assert_eq!(app.holders(&[1, 2]).await, [Some(id), None]);
}
