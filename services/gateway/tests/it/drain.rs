use crate::{
    helpers::{World, raw, read_head, reply, status_of},
    load::{Balancer, Load},
    secure::Certificates,
};
use axum::{Json, Router, body::Body};
use common::{
    config::ServerConfig,
    health::Health,
    lifecycle::{Application, Workers},
    live::LiveFiles,
};
use futures_util::{StreamExt, stream};
use std::{convert::Infallible, net::SocketAddr, time::Duration};
use test_support::{Running, eventually};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const DRAIN: &str = "0.3";

fn unlimited<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [
        &[("RATE_LIMIT_PROFILE", "loadtest"), ("SHUTDOWN_DRAIN_SECONDS", DRAIN)],
        more,
    ]
    .concat()
}

/// A service's replica.
async fn service(port: u16) -> Running {
    let app = Router::new().fallback(|| async {
        tokio::time::sleep(Duration::from_millis(2)).await;
        Json(serde_json::json!({"ok": true}))
    });
    let config = ServerConfig {
        host: "127.0.0.1".to_owned(),
        port,
        shutdown_grace: Duration::from_secs(5),
        shutdown_drain: Duration::from_millis(300),
        files: LiveFiles::default(),
    };
    let application = Application::bind(&config, app, Health::new(), Workers::new()).await;
    Running::start(application.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_ends_under_load_cuts_no_request_while_another_takes_over() {
    let first = World::with(&unlimited(&[])).await;
    let upstream = first.upstream.url();
    let second = World::with(&unlimited(&[
        ("EVENT_SERVICE_URL", &upstream),
        ("USER_SERVICE_URL", &upstream),
    ]))
    .await;
    let balancer = Balancer::start(vec![first.gateway.address(), second.gateway.address()]).await;
    let load = Load::start(balancer.address);
    load.answers(100).await;
    first.gateway.stop().await;
    load.answers(100).await;
    let seen = load.stop().await;
    assert!(seen.cut.is_empty(), "{:?}", seen.cut);
    assert_eq!(seen.count(200), seen.statuses.len(), "{:?}", seen.statuses);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_ends_alone_refuses_connections_and_cuts_no_request() {
    for drain in [DRAIN, "0"] {
        let world = World::with(&[("RATE_LIMIT_PROFILE", "loadtest"), ("SHUTDOWN_DRAIN_SECONDS", drain)]).await;
        let load = Load::start(world.gateway.address());
        load.answers(100).await;
        world.gateway.stop().await;
        let seen = load.stop().await;
        assert!(seen.cut.is_empty(), "drain {drain}: {:?}", seen.cut);
        assert_eq!(seen.count(200), seen.statuses.len(), "{:?}", seen.statuses);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_ends_under_load_fails_no_request_while_another_takes_over() {
    let (first, second) = (service(0).await, service(0).await);
    let balancer = Balancer::start(vec![first.address(), second.address()]).await;
    let url = format!("http://{}", balancer.address);
    let world = World::with(&unlimited(&[("EVENT_SERVICE_URL", &url), ("USER_SERVICE_URL", &url)])).await;
    let load = Load::start(world.gateway.address());
    load.answers(100).await;
    first.stop().await;
    load.answers(100).await;
    let seen = load.stop().await;
    assert!(seen.cut.is_empty(), "{:?}", seen.cut);
    assert_eq!(seen.count(200), seen.statuses.len(), "{:?}", seen.statuses);
}

/// What nobody can help: while the only replica is away there is nobody to answer. The gateway says so, cuts nothing, and goes
/// on as soon as the service is back.
#[tokio::test(flavor = "multi_thread")]
async fn while_a_services_only_replica_restarts_requests_are_refused_and_none_is_cut() {
    let first = service(0).await;
    let (address, url) = (first.address(), first.url());
    let settings = [
        ("EVENT_SERVICE_URL", url.as_str()),
        ("USER_SERVICE_URL", &url),
        ("BREAKER_OPEN_SECONDS", "0.2"),
    ];
    let world = World::with(&unlimited(&settings)).await;
    let load = Load::start(world.gateway.address());
    load.answers(100).await;
    first.stop().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let _again = service(address.port()).await;
    eventually("the service is found again", Duration::from_secs(20), || async {
        (world.anybody().get("/events").await.status == 200).then_some(())
    })
    .await;
    load.answers(20).await;
    let seen = load.stop().await;
    assert!(seen.cut.is_empty(), "{:?}", seen.cut);
    let answered = seen.count(200) + seen.count(502) + seen.count(503);
    assert_eq!(answered, seen.statuses.len(), "{:?}", seen.statuses);
    println!(
        "a restart of the only replica: {} answered, {} with 502, {} with 503",
        seen.count(200),
        seen.count(502),
        seen.count(503)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_an_end_ends_in_good_order() {
    let world = World::with(&[("SHUTDOWN_GRACE_SECONDS", "60")]).await;
    world.upstream.answer_with(|_| {
        let silence = stream::once(async { Ok::<_, Infallible>("data: 1\n\n") }).chain(stream::pending());
        reply(
            200,
            &[("content-type", "text/event-stream")],
            Body::from_stream(silence),
        )
    });
    let request = format!(
        "GET /queue/stream?eventId={} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
        uuid::Uuid::now_v7(),
        world.somebody().token
    );
    let mut client = TcpStream::connect(world.gateway.address()).await.unwrap();
    client.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(status_of(&read_head(&mut client).await), 200);
    let mut rest = String::new();
    let (read, ()) = tokio::join!(client.read_to_string(&mut rest), world.gateway.stop());
    read.unwrap();
    assert!(rest.contains("data: 1") && rest.ends_with("0\r\n\r\n"), "{rest:?}");
}

async fn readiness(address: SocketAddr) -> u16 {
    status_of(
        &raw(
            address,
            "GET /health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        )
        .await,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_drains_it_is_not_ready_and_answers_all_the_same() {
    let world = World::with(&[("SHUTDOWN_DRAIN_SECONDS", "4")]).await;
    world.upstream.answer_with(|_| reply(200, &[], "{}"));
    let address = world.gateway.address();
    let draining = async {
        eventually("readiness fails", Duration::from_secs(20), || async {
            (readiness(address).await == 503).then_some(())
        })
        .await;
        // It asks to be kept, and is not.
        let got = raw(address, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert_eq!(status_of(&got), 200);
        assert!(got.to_lowercase().contains("connection: close"), "{got}");
    };
    tokio::join!(world.gateway.stop(), draining);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_told_to_go_and_what_runs_is_finished() {
    let certificates = Certificates::new();
    let world = certificates.world(&[("SHUTDOWN_DRAIN_SECONDS", "3")]).await;
    world.upstream.answer_with(|_| {
        std::thread::sleep(Duration::from_millis(500));
        reply(200, &[], "{}")
    });
    let address = world.gateway.address();
    let mut used = certificates.http2(address).await;
    let running = used.get("/events", &[]);
    let meanwhile = async {
        eventually("the request is under way", Duration::from_secs(20), || async {
            (!world.upstream.requests().is_empty()).then_some(())
        })
        .await;
        let stopping = world.gateway.stop();
        let late = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let mut new = certificates.http2(address).await;
            assert_eq!(new.get("/events", &[]).await.unwrap().status(), 200);
            assert!(new.ended().await);
        };
        tokio::join!(stopping, late);
    };
    let (got, ()) = tokio::join!(running, meanwhile);
    assert_eq!(got.unwrap().status(), 200);
    assert!(used.ended().await, "it is ended in good order");
}
