//! Clients that hang up before their reply is there: what operators see of them, and what they say of the service that let
//! them wait.

use crate::helpers::{OddServer, Process, World, read_head};
use futures_util::future::join_all;
use serde_json::Value;
use std::{net::SocketAddr, time::Duration};
use test_support::eventually;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const GIVEN_UP: &str =
    "http_server_request_duration_seconds_count{service=\"gateway\",method=\"GET\",route=\"/events\",status=\"499\"}";
const BREAKER: &str = "circuit_breaker_state{name=\"event-service\"}";
const EJECTED: &str = "upstream_replica_ejections_total{upstream=\"event-service\"}";
const OPEN: u64 = 2;
/// More than any test takes.
const LONG: Duration = Duration::from_secs(20);

/// A service that takes requests and answers none.
async fn hanging() -> OddServer {
    OddServer::start(|mut stream| async move {
        read_head(&mut stream).await;
        // Until the gateway lets go.
        let _ended = stream.read(&mut [0; 1]).await;
    })
    .await
}

async fn gateway(settings: &[(&str, &str)]) -> (World, Process) {
    let world = World::with(settings).await;
    let process = Process::start(world.settings(), "json").await;
    (world, process)
}

/// A request of somebody who waits so long and hangs up.
async fn ask(gateway: SocketAddr, patience: Duration) {
    let mut client = TcpStream::connect(gateway).await.unwrap();
    let request = b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n";
    client.write_all(request).await.unwrap();
    let _reply = tokio::time::timeout(patience, client.read(&mut [0; 16])).await;
}

#[tokio::test]
async fn a_request_whose_client_hangs_up_is_counted_and_logged() {
    let service = hanging().await;
    let (_world, mut gateway) = gateway(&[("EVENT_SERVICE_URL", &service.url())]).await;
    let mut client = TcpStream::connect(gateway.address).await.unwrap();
    let request = b"GET /events?email=a@b.c HTTP/1.1\r\nHost: x\r\n\r\n";
    client.write_all(request).await.unwrap();
    eventually("the service has it", LONG, || async {
        (service.open() == 1).then_some(())
    })
    .await;
    drop(client);
    eventually("it is counted", LONG, || async {
        (gateway.metric(GIVEN_UP).await == 1).then_some(())
    })
    .await;
    let log = gateway.end().await;
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
    let given_up: Vec<Value> = lines.filter(|line: &Value| line["http.status"] == 499).collect();
    let [line] = &given_up[..] else {
        panic!("one line tells of it: {log}")
    };
    assert_eq!(
        (&line["http.route"], &line["url.path"]),
        (&"/events".into(), &"/events".into())
    );
    assert!(
        line["request.id"].is_string() && line["duration.ms"].is_number(),
        "{line}"
    );
    assert!(
        line["error.message"].is_string() && line["error.code"].is_null(),
        "{line}"
    );
}

#[tokio::test]
async fn a_service_that_hangs_is_judged_although_all_who_call_it_give_up() {
    let service = hanging().await;
    let settings = [
        ("EVENT_SERVICE_URL", service.url()),
        ("UPSTREAM_TIMEOUT_SECONDS", "2".into()),
        ("BREAKER_WINDOW", "4".into()),
        ("BREAKER_MIN_CALLS", "4".into()),
    ];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (_world, gateway) = gateway(&settings).await;
    join_all((0..4).map(|_| ask(gateway.address, Duration::from_millis(1000)))).await;
    eventually("the breaker opens", LONG, || async {
        (gateway.metric(BREAKER).await == OPEN).then_some(())
    })
    .await;
}

#[tokio::test]
async fn clients_without_patience_say_nothing_of_the_service() {
    let service = hanging().await;
    let settings = [
        ("EVENT_SERVICE_URL", service.url()),
        ("UPSTREAM_TIMEOUT_SECONDS", "600".into()),
        ("BREAKER_WINDOW", "4".into()),
        ("BREAKER_MIN_CALLS", "4".into()),
    ];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (_world, gateway) = gateway(&settings).await;
    for given_up in 1..=6 {
        ask(gateway.address, Duration::from_millis(50)).await;
        eventually("it is counted", LONG, || async {
            (gateway.metric(GIVEN_UP).await == given_up).then_some(())
        })
        .await;
    }
    assert_eq!(gateway.metric(BREAKER).await, 0);
}

#[tokio::test]
async fn a_replica_that_hangs_is_left_out_although_all_who_call_it_give_up() {
    let (hanging, well) = (hanging().await, World::new().await);
    let urls = format!("{},{}", hanging.url(), well.upstream.url());
    let settings = [("EVENT_SERVICE_URL", urls.as_str()), ("UPSTREAM_TIMEOUT_SECONDS", "1")];
    let (_world, gateway) = gateway(&settings).await;
    eventually("it is left out", LONG, || async {
        ask(gateway.address, Duration::from_millis(500)).await;
        (gateway.metric(EJECTED).await >= 1).then_some(())
    })
    .await;
}
