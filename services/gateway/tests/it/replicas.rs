//! Services that run as several processes: all of them are called, and one that dies is nobody's error.

use crate::{
    helpers::{MustBe, World, read_head},
    load::Load,
};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use test_support::eventually;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// One process of a service, which dies with all of its connections when it is dropped.
struct Replica {
    address: std::net::SocketAddr,
    heard: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

impl Replica {
    async fn answering(status: &'static str) -> Self {
        Self::on("127.0.0.1:0", status).await
    }

    /// Answers everything with this status; a stream stays open.
    async fn on(address: &str, status: &'static str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&heard);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let heard = Arc::clone(&counted);
                connections.spawn(async move {
                    loop {
                        let head = read_head(&mut stream).await.to_lowercase();
                        if head.is_empty() {
                            return;
                        }
                        heard.fetch_add(1, Ordering::SeqCst);
                        if head.contains("content-length: 2") {
                            let _body = stream.read_exact(&mut [0; 2]).await;
                        }
                        let is_stream = head.contains("/stream ");
                        let reply = if is_stream {
                            let kind = "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked";
                            format!("HTTP/1.1 200 OK\r\n{kind}\r\n\r\n9\r\ndata: 1\n\n\r\n")
                        } else {
                            format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{{}}")
                        };
                        if stream.write_all(reply.as_bytes()).await.is_err() {
                            return;
                        }
                        if is_stream {
                            std::future::pending::<()>().await;
                        }
                    }
                });
            }
        });
        Self {
            address,
            heard,
            _serving: serving,
        }
    }

    fn heard(&self) -> usize {
        self.heard.load(Ordering::SeqCst)
    }
}

/// A gateway that calls these for events and accounts.
async fn world(addresses: &[std::net::SocketAddr]) -> World {
    let urls: Vec<String> = addresses.iter().map(|address| format!("http://{address}")).collect();
    let urls = urls.join(",");
    World::with(&[
        ("EVENT_SERVICE_URL", &urls),
        ("USER_SERVICE_URL", &urls),
        ("QUEUE_SERVICE_URL", &urls),
        ("RATE_LIMIT_PROFILE", "loadtest"),
    ])
    .await
}

/// An address where nobody listens, nor any other test.
fn nowhere(port: u16) -> std::net::SocketAddr {
    assert!(port < 1024);
    ([127, 0, 0, 1], port).into()
}

#[tokio::test]
async fn all_replicas_are_called() {
    let (one, two) = (Replica::answering("200 OK").await, Replica::answering("200 OK").await);
    let world = world(&[one.address, two.address]).await;
    for _ in 0..20 {
        world.anybody().get("/events").await.must_be(200);
    }
    assert_eq!((one.heard(), two.heard()), (10, 10));
}

#[tokio::test]
async fn one_that_takes_no_connection_is_passed_over_whatever_the_request() {
    let one = Replica::answering("200 OK").await;
    let world = world(&[nowhere(1), one.address, nowhere(2)]).await;
    for _ in 0..20 {
        let login = serde_json::json!({});
        world.anybody().post("/auth/login", &login).await.must_be(200);
    }
    assert_eq!(one.heard(), 20, "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_killed_under_load_costs_no_read_and_is_called_again_when_it_is_back() {
    let (one, two) = (Replica::answering("200 OK").await, Replica::answering("200 OK").await);
    let world = world(&[one.address, two.address]).await;
    let load = Load::start(world.gateway.address());
    load.answers(200).await;
    assert!(one.heard() > 0 && two.heard() > 0);

    let address = one.address.to_string();
    drop(one);
    load.answers(400).await;
    let one = Replica::on(&address, "200 OK").await;
    eventually("it is called again", Duration::from_secs(30), || async {
        (one.heard() > 20).then_some(())
    })
    .await;
    let seen = load.stop().await;
    assert_eq!((seen.cut.as_slice(), seen.refused), (&[][..], 0));
    // A POST that it had may have had an effect. Four clients POST, so there were at most four under way.
    let lost = seen.count(502);
    assert!(lost <= 4, "{lost} were not answered");
    assert_eq!(
        seen.count(200),
        seen.statuses.len() - lost,
        "nothing else is seen of it"
    );
}

#[tokio::test]
async fn one_that_fails_always_is_left_out_before_the_breaker_opens() {
    let (good, bad) = (
        Replica::answering("200 OK").await,
        Replica::answering("500 Internal Server Error").await,
    );
    let world = world(&[good.address, bad.address]).await;
    let began = Instant::now();
    let mut failed = 0;
    for _ in 0..100 {
        let status = world.anybody().get("/events").await.status.as_u16();
        assert!(matches!(status, 200 | 500), "{status}");
        failed += u64::from(status == 500);
    }
    // Five, and a trial each time that it may be back.
    assert!(failed <= 5 + began.elapsed().as_secs() + 1, "{failed}");
    assert!(good.heard() >= 90 - usize::try_from(began.elapsed().as_secs()).unwrap());
}

#[tokio::test]
async fn a_lone_replica_is_called_whatever_it_did() {
    let world = world(&[nowhere(1)]).await;
    for _ in 0..8 {
        world
            .anybody()
            .get("/events")
            .await
            .expect_problem(502, "UPSTREAM_FAILED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_spread_and_go_elsewhere_when_one_ends() {
    let (one, two) = (Replica::answering("200 OK").await, Replica::answering("200 OK").await);
    let world = world(&[one.address, two.address]).await;
    let token = world.somebody().token;
    let head = format!("GET /queue/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
    let open = async || {
        let mut stream = TcpStream::connect(world.gateway.address()).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 200"));
        let mut event = [0; 64];
        let length = stream.read(&mut event).await.unwrap();
        assert!(String::from_utf8_lossy(&event[..length]).contains("data: 1"));
        stream
    };
    let mut streams = Vec::new();
    for _ in 0..6 {
        streams.push(open().await);
    }
    assert_eq!((one.heard(), two.heard()), (3, 3));
    drop(one);
    // The gateway cannot end such a reply well, so it closes; the others have nothing to say.
    let mut ends: FuturesUnordered<_> = streams
        .iter_mut()
        .map(|stream| async { matches!(stream.read(&mut [0; 64]).await, Ok(0) | Err(_)) })
        .collect();
    for _ in 0..3 {
        let told = tokio::time::timeout(Duration::from_secs(20), ends.next()).await;
        assert_eq!(told.expect("whoever read from the dead one is told"), Some(true));
    }
    let more = tokio::time::timeout(Duration::from_millis(500), ends.next()).await;
    assert!(more.is_err(), "and nobody else");
    drop(ends);
    for _ in 0..4 {
        open().await;
    }
    assert_eq!(two.heard(), 7);
}
