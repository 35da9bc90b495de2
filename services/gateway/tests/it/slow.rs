use crate::helpers::{OddServer, World, read_head, reply, status_of};
use std::time::{Duration, Instant};
use test_support::eventually;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

const SLOW_HEADS: usize = 2000;
const HEAD: &[u8] = b"GET /events HTTP/1.1\r\nHost: x\r\nX-Padding: ";

/// Sends a byte now and then until it is cut; tells after how long.
async fn drip(mut stream: TcpStream) -> Duration {
    let started = Instant::now();
    for byte in HEAD.iter().chain(std::iter::repeat(&b'x')) {
        if stream.write_all(&[*byte]).await.is_err() {
            break;
        }
        let cut = tokio::time::timeout(Duration::from_millis(700), stream.read(&mut [0; 16])).await;
        if let Ok(Ok(0) | Err(_)) = cut {
            break;
        }
    }
    started.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_slow_heads_are_cut_in_time_and_nobody_else_notices() {
    let world = World::with(&[("HEADER_READ_TIMEOUT_SECONDS", "8"), ("RATE_LIMIT_PROFILE", "loadtest")]).await;
    let mut slow = JoinSet::new();
    for _ in 0..SLOW_HEADS {
        slow.spawn(drip(TcpStream::connect(world.gateway.address()).await.unwrap()));
    }
    let mut took = Vec::new();
    while slow.try_join_next().is_none() {
        let started = Instant::now();
        assert_eq!(status_of(&world.raw_get("/events", "").await), 200);
        took.push(started.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    took.sort();
    println!(
        "{} requests beside {SLOW_HEADS} slow heads: median {:?}, p99 {:?}",
        took.len(),
        took[took.len() / 2],
        took[took.len() * 99 / 100]
    );
    assert!(took.len() > 3, "only {} others were answered", took.len());
    for elapsed in slow.join_all().await {
        assert!(elapsed < Duration::from_secs(30), "{elapsed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_only_so_many_connections() {
    let world = World::with(&[("MAX_CONNECTIONS_PER_ADDRESS", "2")]).await;
    let connect = || TcpStream::connect(world.gateway.address());
    let (first, _second) = (connect().await.unwrap(), connect().await.unwrap());
    let mut third = connect().await.unwrap();
    let closed = tokio::time::timeout(Duration::from_secs(20), third.read(&mut [0; 8])).await;
    assert!(!matches!(closed.expect("it is closed at once"), Ok(1..)));
    drop(first);
    eventually("there is room again", Duration::from_secs(20), || async {
        let mut stream = connect().await.unwrap();
        let request = b"GET /events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await.ok()?;
        read_head(&mut stream).await.contains("200 OK").then_some(())
    })
    .await;
    // A load balancer comes for many.
    let world = World::with(&[("MAX_CONNECTIONS_PER_ADDRESS", "1"), ("TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let _first = TcpStream::connect(world.gateway.address()).await.unwrap();
    assert_eq!(status_of(&world.raw_get("/events", "").await), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_of_a_reply_is_cut() {
    let (told, mut ended) = tokio::sync::mpsc::channel(1);
    let endless = OddServer::start(move |mut stream| {
        let told = told.clone();
        async move {
            read_head(&mut stream).await;
            let _sent = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while stream.write_all(&[b'x'; 65_536]).await.is_ok() {}
            let _told = told.send(()).await;
        }
    })
    .await;
    let world = World::with(&[("REPLY_STALL_SECONDS", "0.5"), ("EVENT_SERVICE_URL", &endless.url())]).await;
    let mut stream = TcpStream::connect(world.gateway.address()).await.unwrap();
    stream
        .write_all(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let service_let_go = tokio::time::timeout(Duration::from_secs(20), ended.recv());
    service_let_go.await.expect("the service is let go").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_slowly_but_reads_gets_all_of_it() {
    let world = World::with(&[("REPLY_STALL_SECONDS", "2")]).await;
    let body = "x".repeat(3 * 1024 * 1024);
    let sent = body.clone();
    world.upstream.answer_with(move |_| reply(200, &[], sent.clone()));
    let mut stream = TcpStream::connect(world.gateway.address()).await.unwrap();
    stream
        .write_all(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    read_head(&mut stream).await;
    let mut got = vec![0; body.len()];
    for piece in got.chunks_mut(200_000) {
        stream.read_exact(piece).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(got, body.as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_drips_is_cut() {
    let world = World::with(&[("UPSTREAM_TIMEOUT_SECONDS", "0.5")]).await;
    let mut stream = TcpStream::connect(world.gateway.address()).await.unwrap();
    let head =
        b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let dripping = async {
        while writing.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let mut got = String::new();
    let answered = async {
        let read = tokio::time::timeout(Duration::from_secs(20), reading.read_to_string(&mut got));
        let _reset = read.await.expect("it is cut");
    };
    tokio::select! {
        () = answered => {}
        () = dripping => {}
    }
    assert!(got.is_empty() || status_of(&got) == 400, "{got}");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_fields_are_431() {
    let world = World::new().await;
    let fields: String = (0..150).map(|number| format!("X-{number}: 1\r\n")).collect();
    assert_eq!(status_of(&world.raw_get("/events", &fields).await), 431);
    assert!(world.upstream.requests().is_empty());
}
