//! The gateway on a Redis Cluster of three masters: what one request asks lies with several of them.

use crate::helpers::{MustBe, World};
use common::crypto::sha256_hex;
use redis::cmd;
use serde_json::json;
use std::{collections::HashSet, time::Duration};
use test_support::{
    eventually,
    servers::{Missing, OwnRedisCluster},
};
use uuid::Uuid;

async fn set(cluster: &OwnRedisCluster, key: &str, value: &str) {
    cluster.ask_owner::<()>(key, cmd("SET").arg(key).arg(value)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_limits_and_queue_tokens_are_asked_of_their_masters_and_one_may_be_away() {
    let Ok(mut cluster) = OwnRedisCluster::start().await.inspect_err(Missing::report) else {
        return;
    };
    let world = World::with(&[
        ("REDIS_CLUSTER_URLS", &cluster.urls()),
        ("RATE_LIMIT_PUBLIC_READ", "6/ip"),
    ])
    .await;
    let record = |user: Uuid| json!({"userId": user, "eventId": Uuid::now_v7(), "type": "RESERVATION", "issuedAt": "2026-11-22T10:00:00Z"});
    let (mut buyers, mut with_masters) = (Vec::new(), HashSet::new());
    // Until tokens lay with each master.
    while with_masters.len() < OwnRedisCluster::MASTERS {
        let (buyer, revoked, ended) = (world.somebody(), world.somebody(), world.somebody());
        let token = format!("qr_{}", buyer.id);
        let key = format!("queue:token:{token}");
        with_masters.insert(cluster.master_of(&key).await);
        set(&cluster, &key, &record(buyer.id).to_string()).await;
        set(
            &cluster,
            &format!("token:blacklist:{}", sha256_hex(revoked.token.as_bytes())),
            "1",
        )
        .await;
        set(&cluster, &format!("token:blacklist:sid:{}", ended.sid), "1").await;
        for gone in [revoked, ended] {
            gone.api.get("/users/me").await.expect_problem(401, "TOKEN_REVOKED");
        }
        let hold = json!({"eventId": Uuid::now_v7(), "seatIds": [Uuid::now_v7()]});
        let stranger = world.somebody().api.with_header("x-queue-token", &token);
        stranger
            .post("/reservations/hold", &hold)
            .await
            .expect_problem(403, "QUEUE_TOKEN_INVALID");
        let holder = buyer.api.with_header("x-queue-token", &token);
        holder.post("/reservations/hold", &hold).await.must_be(200);
        buyers.push(holder);
    }
    for left in (0..6).rev() {
        let reply = world.anybody().get("/events").await;
        assert_eq!(reply.header("ratelimit-remaining"), Some(left.to_string().as_str()));
        reply.must_be(200);
    }
    world.anybody().get("/events").await.expect_problem(429, "RATE_LIMITED");

    // Revoked by what others tell, while the last master has the count of their limits.
    let lost = OwnRedisCluster::MASTERS - 1;
    let mut revoked = Vec::new();
    while revoked.len() < 3 {
        let person = world.somebody();
        let token = format!("token:blacklist:{}", sha256_hex(person.token.as_bytes()));
        let session = format!("token:blacklist:sid:{}", person.sid);
        let limit = format!("ratelimit:default:user:{}", person.id);
        if cluster.master_of(&limit).await == lost
            && cluster.master_of(&token).await != lost
            && cluster.master_of(&session).await != lost
        {
            set(&cluster, &session, "1").await;
            revoked.push(person);
        }
    }

    // One master away: whoever needs it where it must be known is asked to come again, never refused; the others go on.
    let admins: Vec<_> = (0..16).map(|_| world.admin().api).collect();
    cluster.node(lost).kill().await;
    let mut seen = HashSet::new();
    for admin in &admins {
        let reply = admin.get("/admin/users").await;
        assert!(
            reply.status == 200 || reply.header("retry-after").is_some(),
            "{reply:?}"
        );
        seen.insert(reply.status.as_u16());
    }
    assert_eq!(seen, HashSet::from([200, 503]));
    for holder in &buyers {
        let hold = json!({"eventId": Uuid::now_v7(), "seatIds": [Uuid::now_v7()]});
        let reply = holder.post("/reservations/hold", &hold).await;
        assert!(matches!(reply.status.as_u16(), 200 | 503), "{reply:?}");
    }
    for gone in &revoked {
        gone.api.get("/users/me").await.expect_problem(401, "TOKEN_REVOKED");
        gone.api.get("/payments").await.expect_problem(401, "TOKEN_REVOKED");
    }
    for person in [world.somebody(), world.somebody(), world.somebody()] {
        person.api.get("/users/me").await.must_be(200);
    }
    cluster.restart(lost).await;
    for admin in &admins {
        eventually("the gateway goes on", Duration::from_secs(20), || async {
            (admin.get("/admin/users").await.status == 200).then_some(())
        })
        .await;
    }
}
