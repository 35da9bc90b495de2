//! The same service on a Redis Cluster of three masters, which refuses commands and scripts across slots and knows neither
//! `KEYS` nor `SCAN`.

use crate::{
    helpers::{Buyer, SOON, World, text},
    streams::Stream,
};
use common::internal_auth::Service;
use serde_json::json;
use std::time::{Duration, Instant};
use test_support::{
    TestEnv, eventually,
    servers::{Missing, OwnRedisCluster},
};
use uuid::Uuid;

const MASTERS: usize = OwnRedisCluster::MASTERS;

async fn cluster() -> Option<OwnRedisCluster> {
    OwnRedisCluster::start().await.inspect_err(Missing::report).ok()
}

async fn world_on(cluster: &OwnRedisCluster, settings: &[(&str, &str)]) -> World {
    let quick = [("QUEUE_STREAM_TICK_MILLIS", "20"), ("QUEUE_STREAM_POLL_SECONDS", "600")];
    let env = TestEnv::new().await.on_redis_cluster(cluster);
    World::start(env, &[&quick, settings].concat(), 2).await
}

/// An event on each master.
async fn event_on_each(cluster: &OwnRedisCluster, world: &World) -> Vec<Uuid> {
    let mut events = vec![None; MASTERS];
    while events.iter().any(Option::is_none) {
        let event = world.neighbours.event();
        let master = cluster.master_of(&format!("queue:{{{event}}}")).await;
        events[master].get_or_insert(event);
    }
    events.into_iter().flatten().collect()
}

/// A buyer whose own keys are with other masters than this one.
async fn buyer_not_on(cluster: &OwnRedisCluster, world: &World, master: usize) -> Buyer {
    loop {
        let buyer = world.buyer();
        let claim = cluster.master_of(&format!("queue:active:{}", buyer.id)).await;
        let left = cluster.master_of(&format!("queue:left:{}", buyer.id)).await;
        if claim != master && left != master {
            return buyer;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_works_wherever_the_keys_lie() {
    let Some(cluster) = cluster().await else { return };
    let world = world_on(&cluster, &[("MAX_ACTIVE", "1")]).await;
    let (events, mut inside) = (event_on_each(&cluster, &world).await, Vec::new());
    // Before anybody comes: each replica keeps for a moment what it knew of a line.
    for event in &events {
        world.set(*event, json!({"paused": true})).await;
    }
    for (index, event) in events.iter().copied().enumerate() {
        // At one replica and, with the same account, at the other.
        let (first, second) = (world.buyer(), world.buyer_at(1));
        first.enter(event).await;
        assert_eq!(second.enter(event).await["position"], 2);
        let mut stream = Stream::open(&second, event).await;
        assert_eq!(stream.expect("position").await.data["position"], 2);
        let elsewhere = events[(index + 1) % MASTERS];
        let refused = second
            .try_enter(elsewhere)
            .await
            .expect_problem(409, "ALREADY_QUEUED_ELSEWHERE");
        assert_eq!(refused["eventId"], event.to_string());

        world.set(event, json!({"paused": false})).await;
        let admitted = first.admitted().await;
        let token = text(&admitted, "queueToken");
        assert_eq!(world.is_valid(&token, first.id, event).await["valid"], true);
        assert_eq!(stream.expect("position").await.data["position"], 1);
        let issue = json!({
            "userId": first.id, "eventId": event, "reservationId": Uuid::now_v7(),
            "holdExpiresAt": admitted["tokenExpiresAt"],
        });
        let reservation = world.service(Service::Reservation);
        let issued = reservation
            .post("/internal/queue/payment-tokens", &issue)
            .await
            .expect(201);
        let question = json!({
            "token": issued["paymentToken"], "type": "PAYMENT", "userId": first.id, "eventId": event,
            "reservationId": issue["reservationId"],
        });
        let payment = world.service(Service::Payment);
        let valid = payment
            .post("/internal/queue/tokens/validate", &question)
            .await
            .expect(200);
        assert_eq!(valid["valid"], true);

        let stats = world.stats(event).await;
        assert_eq!((&stats["waiting"], &stats["active"]), (&json!(1), &json!(1)), "{stats}");
        first.leave().await;
        assert_eq!(world.is_valid(&token, first.id, event).await["valid"], false);
        assert_eq!(stream.expect("admitted").await.data["status"], "ADMITTED");
        assert_eq!(first.gone(event).await, "LEFT");
        // Free for another line, on another master.
        first.enter(elsewhere).await;
        first.leave().await;
        inside.push((event, second));
    }
    for (event, buyer) in inside {
        world
            .neighbours
            .change(event, |facts| facts.sale_end_at = facts.sale_start_at);
        assert_eq!(buyer.gone(event).await, "CLOSED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_master_dies_and_the_others_lines_go_on_and_its_places_come_back_with_the_tickets() {
    let Some(mut cluster) = cluster().await else { return };
    let lost = MASTERS - 1;
    // So long that everybody can come back in it.
    let settings = [("QUEUE_RECOVERY_PAUSE_SECONDS", "6"), ("MAX_ACTIVE", "1")];
    let world = world_on(&cluster, &settings).await;
    let events = event_on_each(&cluster, &world).await;
    let event = events[lost];
    let active = world.buyer();
    active.enter(event).await;
    let admitted = active.admitted().await;
    let mut line = Vec::new();
    for _ in 0..3 {
        let buyer = buyer_not_on(&cluster, &world, lost).await;
        let status = buyer.enter(event).await;
        line.push((buyer.with_ticket(&status), status));
    }

    let (mut others, mut newcomers) = (Vec::new(), Vec::new());
    for &other in &events[..lost] {
        others.push(other);
        for _ in 0..6 {
            newcomers.push((other, buyer_not_on(&cluster, &world, lost).await));
        }
    }
    cluster.node(lost).kill().await;
    let away = line[0].0.status().await;
    assert!(away.header("retry-after").is_some(), "{away:?}");
    away.expect_problem(503, "SERVICE_UNAVAILABLE");
    let away = world.admin().get(&format!("/queue/admin/stats?eventId={event}")).await;
    away.expect_problem(503, "SERVICE_UNAVAILABLE");
    assert_eq!(
        world.gateway().get("/health/ready").await.status,
        200,
        "most of it can be served"
    );
    // Those whose new token's key is with the dead master have to wait; the others are admitted, one after the other.
    for (event, buyer) in &newcomers {
        buyer.enter(*event).await;
    }
    for other in others {
        eventually("somebody is admitted elsewhere", SOON, || async {
            for (_, buyer) in newcomers.iter().filter(|(event, _)| *event == other) {
                let reply = buyer.status().await;
                if reply.status == 503 {
                    // For another admission, whose token may be with another master.
                    let _left = buyer.api.delete("/queue/leave").await;
                    let _entered = buyer.try_enter(other).await;
                } else if reply.status == 200 && reply.body["status"] == "ADMITTED" {
                    return Some(());
                }
            }
            None
        })
        .await;
    }

    cluster.restart_empty(lost).await;
    let back_at = Instant::now();
    // In the wrong order.
    for (buyer, before) in line.iter().rev() {
        let after = eventually("the place is back", SOON, || async {
            let reply = buyer.status().await;
            (reply.status == 200).then_some(reply.body)
        })
        .await;
        assert_eq!(after["enteredAt"], before["enteredAt"]);
    }
    for (index, (buyer, _)) in line.iter().enumerate() {
        assert_eq!(buyer.status_of(event).await["position"], index + 1);
    }
    let restored = active.with_ticket(&admitted).status_of(event).await;
    assert_eq!(
        (&restored["queueToken"], &restored["tokenExpiresAt"]),
        (&admitted["queueToken"], &admitted["tokenExpiresAt"])
    );
    let valid = world.is_valid(&text(&restored, "queueToken"), active.id, event).await;
    assert_eq!(valid["valid"], true);
    active.leave().await;
    line[0].0.admitted().await;
    assert!(back_at.elapsed() >= Duration::from_secs(4), "admission paused");
    assert_eq!(line[1].0.status_of(event).await["position"], 1);
    assert_eq!(world.stats(event).await["active"], 1);
}
