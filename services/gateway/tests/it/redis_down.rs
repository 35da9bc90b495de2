use crate::helpers::{MustBe, OddServer, Redis, World};
use common::crypto::sha256_hex;
use futures_util::future::join_all;
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use test_support::{
    Api, eventually,
    servers::{Missing, OwnRedis},
};
use tokio::net::TcpStream;

/// Nothing listens there.
const NOWHERE: (&str, &str) = ("REDIS_URL", "redis://127.0.0.1:1/0");

#[tokio::test]
async fn requests_go_on_with_limits_counted_in_the_process() {
    let world = World::with(&[NOWHERE, ("RATE_LIMIT_PUBLIC_READ", "6/ip"), ("GATEWAY_REPLICAS", "2")]).await;
    for _ in 0..3 {
        let reply = world.anybody().get("/events").await;
        assert_eq!(reply.header("ratelimit-limit"), Some("6"));
        reply.must_be(200);
    }
    let reply = world.anybody().get("/events").await;
    assert!(reply.header("retry-after").is_some());
    reply.expect_problem(429, "RATE_LIMITED");
}

#[tokio::test]
async fn tokens_are_still_verified() {
    let world = World::with(&[NOWHERE]).await;
    world
        .anybody()
        .with_token("a.b.c")
        .get("/users/me")
        .await
        .expect_problem(401, "UNAUTHENTICATED");
    world.somebody().api.get("/users/me").await.must_be(200);
}

#[tokio::test]
async fn admin_and_payment_routes_are_closed() {
    let world = World::with(&[NOWHERE]).await;
    let reply = world.admin().api.get("/admin/users?email=a@b.c").await;
    assert!(reply.header("retry-after").is_some());
    reply.expect_problem(503, "SERVICE_UNAVAILABLE");
    world
        .somebody()
        .api
        .get("/payments")
        .await
        .expect_problem(503, "SERVICE_UNAVAILABLE");
    world.somebody().api.get("/reservations").await.must_be(200);
}

#[tokio::test]
async fn where_it_fails_closed_is_a_setting() {
    let world = World::with(&[NOWHERE, ("BLACKLIST_FAIL_CLOSED", "reservation")]).await;
    world.somebody().api.get("/payments").await.must_be(200);
    world.admin().api.get("/admin/users").await.must_be(200);
    world
        .somebody()
        .api
        .get("/reservations")
        .await
        .expect_problem(503, "SERVICE_UNAVAILABLE");
}

#[tokio::test]
async fn a_queue_token_that_cannot_be_looked_up_is_503_and_never_403() {
    let world = World::with(&[NOWHERE]).await;
    let buyer = world.somebody().api.with_header("x-queue-token", "qr_x");
    let reply = buyer.post("/reservations/hold", &json!({})).await;
    assert!(reply.header("retry-after").is_some());
    reply.expect_problem(503, "SERVICE_UNAVAILABLE");
}

#[tokio::test]
async fn a_redis_that_hangs_counts_as_down_soon() {
    let hung = OddServer::start(|stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let url = format!("redis://{}/0", hung.address);
    // The connection's own limit is 2 s. On a busy machine one of several tries is in time, each with a gateway of its own that
    // has not yet learned that Redis is away.
    let mut took = Vec::new();
    while took.len() < 5 {
        let world = World::with(&[("REDIS_URL", &url), ("GATEWAY_REDIS_TIMEOUT_MS", "100")]).await;
        let started = Instant::now();
        world.anybody().get("/events").await.must_be(200);
        if started.elapsed() < Duration::from_millis(1900) {
            return;
        }
        took.push(started.elapsed());
    }
    panic!("{took:?}");
}

/// As when it is full, cannot save, or has become a replica.
#[tokio::test]
async fn a_redis_that_refuses_to_write_is_still_asked_what_can_be_read() {
    let Ok(server) = OwnRedis::start().await.inspect_err(Missing::report) else {
        return;
    };
    let url = format!("{}/0", server.url());
    let world = World::with(&[
        ("REDIS_URL", &url),
        ("RATE_LIMIT_PUBLIC_READ", "3/ip"),
        ("RATE_LIMIT_DEFAULT", "1000/user"),
        ("RATE_LIMIT_RESERVATION_WRITE", "1000/user"),
    ])
    .await;
    let mut redis = server.connection().await;
    let (buyer, revoked, ended) = (world.somebody(), world.somebody(), world.somebody());
    let record =
        json!({"userId": buyer.id, "eventId": buyer.sid, "type": "RESERVATION", "issuedAt": "2026-11-22T10:00:00Z"});
    for (key, value) in [
        ("queue:token:qr_own".to_owned(), record.to_string()),
        (
            format!("token:blacklist:{}", sha256_hex(revoked.token.as_bytes())),
            "1".to_owned(),
        ),
        (format!("token:blacklist:sid:{}", ended.sid), "1".to_owned()),
    ] {
        redis::cmd("SET")
            .arg(key)
            .arg(value)
            .query_async::<()>(&mut redis)
            .await
            .unwrap();
    }
    for (setting, refusing, usual) in [("min-replicas-to-write", "1", "0"), ("maxmemory", "1", "0")] {
        let configure = async |value: &str| {
            let mut redis = server.connection().await;
            let mut set = redis::cmd("CONFIG");
            set.arg("SET").arg(setting).arg(value);
            set.query_async::<()>(&mut redis).await.unwrap();
        };
        configure(refusing).await;
        // Those whose only question is refused; then the others must still be asked.
        let mut refused = 0;
        for _ in 0..6 {
            let reply = world.anybody().get("/events").await;
            assert_eq!(reply.header("ratelimit-limit"), Some("3"), "{reply:?}");
            refused += u32::from(reply.status == 429);
        }
        assert!(refused >= 3, "limits are counted in the process");
        for _ in 0..4 {
            for gone in [&revoked, &ended] {
                gone.api.get("/users/me").await.expect_problem(401, "TOKEN_REVOKED");
                gone.api.get("/payments").await.expect_problem(401, "TOKEN_REVOKED");
            }
            buyer.api.get("/payments").await.must_be(200);
            world.admin().api.get("/admin/users").await.must_be(200);
            let holder = buyer.api.with_header("x-queue-token", "qr_own");
            holder.post("/reservations/hold", &json!({})).await.must_be(200);
            let stranger = buyer.api.with_header("x-queue-token", "qr_unknown");
            let reply = stranger.post("/reservations/hold", &json!({})).await;
            reply.expect_problem(403, "QUEUE_TOKEN_INVALID");
        }
        configure(usual).await;
        let reply = world.somebody().api.get("/users/me").await;
        assert_eq!(reply.header("ratelimit-remaining"), Some("999"));
        reply.must_be(200);
        let counted: Vec<String> = redis::cmd("KEYS")
            .arg("ratelimit:default:*")
            .query_async(&mut redis)
            .await
            .unwrap();
        assert!(!counted.is_empty(), "Redis counts again");
        redis::cmd("DEL")
            .arg(counted)
            .query_async::<()>(&mut redis)
            .await
            .unwrap();
    }
}

/// A way to Redis that can be cut.
async fn link(redis: &Redis, up: &Arc<AtomicBool>) -> (OddServer, String) {
    let (server, number) = redis.url.strip_prefix("redis://").unwrap().split_once('/').unwrap();
    let (server, up) = (server.to_owned(), Arc::clone(up));
    let link = OddServer::start(move |mut gateway| {
        let (server, up) = (server.clone(), Arc::clone(&up));
        async move {
            if !up.load(Ordering::SeqCst) {
                return;
            }
            let mut redis = TcpStream::connect(server).await.unwrap();
            let cut = eventually("the link is cut", Duration::from_secs(60), || async {
                (!up.load(Ordering::SeqCst)).then_some(())
            });
            tokio::select! {
                _copied = tokio::io::copy_bidirectional(&mut gateway, &mut redis) => {}
                () = cut => {}
            }
        }
    })
    .await;
    let url = format!("redis://{}/{number}", link.address);
    (link, url)
}

/// Each thread of the gateway has its own connection to Redis, and each client's connection is another thread's.
#[tokio::test]
async fn a_redis_that_is_back_refuses_nobody_for_having_been_away() {
    let (redis, up) = (Redis::lease().await, Arc::new(AtomicBool::new(true)));
    let (link, url) = link(&redis, &up).await;
    let world = World::with(&[("REDIS_URL", &url)]).await;
    let clients: Vec<_> = (0..4)
        .map(|_| Api::new(&world.gateway.url()).with_token(&world.admin().token))
        .collect();
    for client in &clients {
        client.get("/admin/users").await.must_be(200);
    }
    let made = link.connections();
    assert!(made > 1, "more than one thread");

    let cut = async || {
        up.store(false, Ordering::SeqCst);
        eventually(
            "the gateway's connections are gone",
            Duration::from_secs(20),
            || async { (link.open() == 0).then_some(()) },
        )
        .await;
    };
    // Nobody asks while it is away.
    cut().await;
    up.store(true, Ordering::SeqCst);
    for client in &clients {
        client.get("/admin/users").await.must_be(200);
    }

    // One thread notices that it is away, and later that it is back.
    cut().await;
    for _ in 0..4 {
        let reply = clients[0].get("/admin/users").await;
        reply.expect_problem(503, "SERVICE_UNAVAILABLE");
    }
    up.store(true, Ordering::SeqCst);
    eventually("the gateway asks Redis again", Duration::from_secs(20), || async {
        (clients[0].get("/admin/users").await.status == 200).then_some(())
    })
    .await;
    for client in &clients {
        client.get("/admin/users").await.must_be(200);
    }
}

#[tokio::test]
async fn an_outage_costs_requests_no_time_and_its_end_is_found() {
    let redis = Redis::lease().await;
    let up = Arc::new(AtomicBool::new(false));
    let (link, url) = link(&redis, &up).await;
    let world = World::with(&[("REDIS_URL", &url)]).await;
    let admin = world.admin().api;
    for _ in 0..3 {
        admin
            .get("/admin/users")
            .await
            .expect_problem(503, "SERVICE_UNAVAILABLE");
    }
    let tries = link.connections();
    // At once, because every 50 ms or so somebody may look whether it is back.
    let api = world.anybody();
    for reply in join_all((0..40).map(|_| api.get("/config"))).await {
        reply.must_be(200);
    }
    assert!(
        link.connections() - tries < 40,
        "hardly any request has waited for Redis"
    );

    up.store(true, Ordering::SeqCst);
    eventually("the gateway asks Redis again", Duration::from_secs(20), || async {
        (admin.get("/admin/users").await.status == 200).then_some(())
    })
    .await;
}
