use crate::helpers::{Buyer, World};
use chrono::TimeDelta;
use common::{Clock, internal_auth::Service};
use futures_util::future::join_all;
use serde_json::json;
use uuid::Uuid;

#[tokio::test]
async fn a_user_queues_for_one_event_and_may_change_by_leaving() {
    let world = World::new().await;
    let (first, second, buyer) = (world.neighbours.event(), world.neighbours.event(), world.buyer());
    for event in [first, second] {
        world.set(event, json!({"paused": true})).await;
    }
    buyer.enter(first).await;
    let problem = buyer
        .try_enter(second)
        .await
        .expect_problem(409, "ALREADY_QUEUED_ELSEWHERE");
    assert_eq!(problem["eventId"], first.to_string());
    buyer.leave().await;
    assert_eq!(buyer.enter(second).await["eventId"], second.to_string());
    assert_eq!(buyer.status().await.expect(200)["eventId"], second.to_string());
}

#[tokio::test]
async fn a_claim_of_an_event_without_a_place_binds_nobody() {
    let world = World::new().await;
    let (gone, event, buyer) = (world.neighbours.event(), world.neighbours.event(), world.buyer());
    redis::cmd("SET")
        .arg(format!("queue:active:{}", buyer.id))
        .arg(gone.to_string())
        .query_async::<()>(&mut world.redis().await)
        .await
        .unwrap();
    assert_eq!(buyer.enter(event).await["eventId"], event.to_string());
}

#[tokio::test]
async fn polling_keeps_the_claim_and_does_not_revive_it() {
    let world = World::new().await;
    let (event, buyer) = (world.neighbours.event(), world.buyer());
    world.set(event, json!({"paused": true})).await;
    buyer.enter(event).await;
    let claim = format!("queue:active:{}", buyer.id);
    let mut redis = world.redis().await;
    redis::cmd("PEXPIRE")
        .arg(&claim)
        .arg(5000)
        .query_async::<()>(&mut redis)
        .await
        .unwrap();
    let _waiting = buyer.status().await.expect(200);
    let life: i64 = redis::cmd("TTL").arg(&claim).query_async(&mut redis).await.unwrap();
    assert!(life > 590, "{life}");
    buyer.leave().await;
    buyer
        .api
        .get(&format!("/queue/status?eventId={event}"))
        .await
        .expect_problem(404, "NOT_QUEUED");
    let kept: bool = redis::cmd("EXISTS").arg(&claim).query_async(&mut redis).await.unwrap();
    assert!(!kept);
}

#[tokio::test]
async fn a_place_that_outlived_its_claim_is_still_the_only_one() {
    let world = World::new().await;
    let (first, second, buyer) = (world.neighbours.event(), world.neighbours.event(), world.buyer());
    for event in [first, second] {
        world.set(event, json!({"paused": true})).await;
    }
    let poll = |event: Uuid| {
        let api = buyer.api.clone();
        async move { api.get(&format!("/queue/status?eventId={event}")).await }
    };
    buyer.enter(first).await;
    forget_claim(&world, &buyer).await;
    let _kept = poll(first).await.expect(200);
    buyer
        .try_enter(second)
        .await
        .expect_problem(409, "ALREADY_QUEUED_ELSEWHERE");

    // Nobody polled in between: both lines have let the buyer in, and the place taken last is the one that counts.
    forget_claim(&world, &buyer).await;
    buyer.enter(second).await;
    let problem = poll(first).await.expect_problem(404, "NOT_QUEUED");
    assert_eq!(problem["reason"], "LEFT");
    assert_eq!(poll(second).await.expect(200)["position"], 1);
    assert_eq!(world.stats(first).await["waiting"], 0);
}

/// As age does when no poll comes through for ten minutes.
async fn forget_claim(world: &World, buyer: &Buyer) {
    redis::cmd("DEL")
        .arg(format!("queue:active:{}", buyer.id))
        .exec_async(&mut world.redis().await)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_claim_lasts_as_long_as_the_place_that_a_hold_extends() {
    let world = World::new().await;
    let (event, buyer) = (world.neighbours.event(), world.buyer());
    buyer.enter(event).await;
    buyer.admitted().await;
    let hold_end = Clock::system().now() + TimeDelta::seconds(900);
    let request =
        json!({"userId": buyer.id, "eventId": event, "reservationId": Uuid::now_v7(), "holdExpiresAt": hold_end});
    let _token = world
        .service(Service::Reservation)
        .post("/internal/queue/payment-tokens", &request)
        .await
        .expect(201);
    let _status = buyer.status().await.expect(200);
    let life: i64 = redis::cmd("TTL")
        .arg(format!("queue:active:{}", buyer.id))
        .query_async(&mut world.redis().await)
        .await
        .unwrap();
    assert!((900..=960).contains(&life), "{life}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_against_oneself_never_gives_two_places() {
    let world = World::new().await;
    let events: Vec<Uuid> = (0..3).map(|_| world.neighbours.event()).collect();
    for event in &events {
        world.set(*event, json!({"paused": true})).await;
    }
    let mut redis = world.redis().await;
    for _ in 0..60 {
        let buyer = world.buyer();
        let mut tries: Vec<_> = events
            .iter()
            .cycle()
            .take(9)
            .map(|event| buyer.try_enter(*event))
            .collect();
        tries.rotate_left(usize::from(buyer.id.as_bytes()[15] % 9));
        join_all(tries).await;
        let mut places = 0;
        for event in &events {
            let score: Option<f64> = redis::cmd("ZSCORE")
                .arg(format!("queue:{{{event}}}"))
                .arg(buyer.id.to_string())
                .query_async(&mut redis)
                .await
                .unwrap();
            places += u32::from(score.is_some());
        }
        assert!(places <= 1, "{places} places");
        buyer.leave().await;
    }
}
