use crate::{
    helpers::{OddServer, World, read_head, reply},
    secure::Certificates,
    wire_http2::{GOAWAY, HEADERS, RST_STREAM, Wire, get},
};
use axum::body::Body;
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::Semaphore};
use tokio_rustls::client::TlsStream;

/// `:status` 400 as every encoder writes it: from the table.
const STATUS_400: u8 = 0x8c;
const PROTOCOL_ERROR: u32 = 1;
const CANCEL: u32 = 8;

async fn wire(certificates: &Certificates, world: &World, settings: &[(u16, u32)]) -> Wire<TlsStream<TcpStream>> {
    let stream = certificates.connect(world.gateway.address(), "h2").await.unwrap();
    Wire::open(stream, settings).await
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_share_a_connection_and_nobody_says_who_he_is() {
    let certificates = Certificates::new();
    let world = certificates.world(&[]).await;
    world
        .upstream
        .answer_with(|got| reply(200, &[("x-len", &got.body.len().to_string())], got.body.clone()));
    let client = certificates.http2(world.gateway.address()).await;
    let headers = [
        ("x-user-id", "00000000-0000-0000-0000-000000000000"),
        ("x-internal-auth", "v1;gateway;0;00"),
        ("content-type", "application/json"),
        ("cookie", "a=1"),
        ("cookie", "b=2"),
    ];
    let body = format!("\"{}\"", "x".repeat(40_000));
    let asked = (0..50).map(|_| client.ask("POST", "/auth/login", &headers, &body));
    for got in futures_util::future::join_all(asked).await {
        let got = got.unwrap();
        assert_eq!(got.status(), 200);
        assert!(!got.headers().contains_key("connection"));
        assert_eq!(got.into_body().collect().await.unwrap().to_bytes().len(), body.len());
    }
    for request in world.upstream.requests() {
        assert_eq!(request.header("x-user-id"), None);
        assert_eq!(request.headers.get_all("x-internal-auth").iter().count(), 1);
        assert_ne!(request.header("x-internal-auth"), Some("v1;gateway;0;00"));
        assert_eq!(request.header("cookie"), Some("a=1; b=2"));
        assert_eq!(request.body, body.as_bytes());
    }
    let unauthorised = client.get("/users/me", &[]).await.unwrap();
    assert_eq!(unauthorised.status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_arrives_piece_by_piece() {
    let certificates = Certificates::new();
    let world = certificates.world(&[]).await;
    // The others are sent when the first one has been read.
    let read = Arc::new(Semaphore::new(0));
    let others = Arc::clone(&read);
    world.upstream.answer_with(move |_| {
        let others = Arc::clone(&others);
        let pieces = stream::iter(0..3).then(move |number| {
            let others = Arc::clone(&others);
            async move {
                if number > 0 {
                    others.acquire().await.unwrap().forget();
                }
                Ok::<_, Infallible>(format!("data: {number}\n\n"))
            }
        });
        reply(200, &[("content-type", "text/event-stream")], Body::from_stream(pieces))
    });
    let person = world.somebody();
    let client = certificates.http2(world.gateway.address()).await;
    let bearer = format!("Bearer {}", person.token);
    let target = format!("/queue/stream?eventId={}", uuid::Uuid::now_v7());
    let mut got = client.get(&target, &[("authorization", &bearer)]).await.unwrap();
    assert_eq!(got.status(), 200);
    let first = got.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "data: 0\n\n");
    read.add_permits(2);
    let rest = got.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(rest, "data: 1\n\ndata: 2\n\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn host_must_name_what_the_target_names() {
    let certificates = Certificates::new();
    let world = certificates.world(&[]).await;
    let client = certificates.http2(world.gateway.address()).await;
    for (hosts, status) in [
        (vec![], 200),
        (vec![("host", "localhost")], 200),
        (vec![("host", "LOCALHOST")], 200),
        (vec![("host", "elsewhere")], 400),
        (vec![("host", "localhost:80")], 400),
        (vec![("host", "localhost"), ("host", "localhost")], 400),
    ] {
        let got = client.get("/events", &hosts).await.unwrap();
        assert_eq!(got.status(), status, "{hosts:?}");
    }
    assert_eq!(world.upstream.requests().len(), 3);
    // Nobody is named at all.
    let mut wire = wire(&certificates, &world, &[]).await;
    wire.request(1, &[(":method", "GET"), (":scheme", "https"), (":path", "/events")])
        .await;
    let frame = wire.next().await.unwrap();
    assert_eq!((frame.kind, frame.payload[0]), (HEADERS, STATUS_400), "{frame:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_http2_forbids_is_refused() {
    let certificates = Certificates::new();
    let world = certificates.world(&[]).await;
    let forbidden: [&[(&str, &str)]; 8] = [
        &[("connection", "close")],
        &[("connection", "x-queue-token")],
        &[("transfer-encoding", "chunked")],
        &[("keep-alive", "timeout=5")],
        &[("proxy-connection", "keep-alive")],
        &[("upgrade", "websocket")],
        &[("te", "gzip")],
        &[("X-Upper", "1")],
    ];
    for more in forbidden {
        let mut wire = wire(&certificates, &world, &[]).await;
        wire.request(1, &get("/events", more)).await;
        let frame = wire.next().await;
        let refused = match &frame {
            Some(frame) if frame.kind == RST_STREAM => frame.reset_code() == PROTOCOL_ERROR,
            Some(frame) if frame.kind == HEADERS => frame.payload[0] == STATUS_400,
            Some(frame) => frame.kind == GOAWAY,
            None => true,
        };
        assert!(refused, "{more:?}: {frame:?}");
    }
    for fields in [
        vec![(":method", "GET"), (":scheme", "https"), (":authority", "x")],
        vec![(":method", "GET"), (":path", "/events"), (":authority", "x")],
        get("/events", &[(":path", "/venues")]),
        get("/events", &[(":status", "200")]),
        get("/events\r\nx-user-id: 1", &[]),
        get("events", &[]),
    ] {
        let mut wire = wire(&certificates, &world, &[]).await;
        wire.request(1, &fields).await;
        let frame = wire.next().await;
        let passed = frame
            .as_ref()
            .is_some_and(|frame| frame.kind == HEADERS && frame.payload[0] != STATUS_400);
        assert!(!passed, "{fields:?}: {frame:?}");
    }
    assert!(world.upstream.requests().is_empty(), "{:#?}", world.upstream.requests());
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_limited_in_size_and_number() {
    let certificates = Certificates::new();
    let world = certificates.world(&[]).await;
    let client = certificates.http2(world.gateway.address()).await;
    let names: Vec<String> = (0..120).map(|number| format!("x-{number}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
    assert_eq!(client.get("/events", &many).await.unwrap().status(), 431);
    let large = "x".repeat(40_000);
    assert_eq!(
        client.get("/events", &[("x-large", &large)]).await.unwrap().status(),
        431
    );
    assert_eq!(
        client.get("/events", &[]).await.unwrap().status(),
        200,
        "the others go on"
    );
    assert_eq!(world.upstream.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_opens_streams_only_to_reset_them_is_sent_away() {
    let certificates = Certificates::new();
    let world = certificates.world(&[]).await;
    let mut wire = wire(&certificates, &world, &[]).await;
    for number in 0..2000_u32 {
        wire.request(2 * number + 1, &get("/events", &[])).await;
        wire.send(RST_STREAM, 0, 2 * number + 1, &CANCEL.to_be_bytes()).await;
    }
    while let Some(frame) = wire.next().await {
        if frame.kind == GOAWAY {
            assert!(world.upstream.requests().len() < 1500);
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_is_ended_in_good_order() {
    let certificates = Certificates::new();
    let world = certificates.world(&[("IDLE_TIMEOUT_SECONDS", "2")]).await;
    let mut client = certificates.http2(world.gateway.address()).await;
    for _ in 0..3 {
        assert_eq!(client.get("/events", &[]).await.unwrap().status(), 200);
        tokio::time::sleep(Duration::from_millis(800)).await;
    }
    assert!(client.ended().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_whose_reply_nobody_takes_is_reset_and_the_others_go_on() {
    const INITIAL_WINDOW: u16 = 4;
    let certificates = Certificates::new();
    let endless = OddServer::start(|mut stream| async move {
        read_head(&mut stream).await;
        let _sent = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 16_384]).await.is_ok() {}
    })
    .await;
    let settings = [("REPLY_STALL_SECONDS", "0.5"), ("EVENT_SERVICE_URL", &endless.url())];
    let world = certificates.world(&settings).await;
    let mut wire = wire(&certificates, &world, &[(INITIAL_WINDOW, 10)]).await;
    wire.request(1, &get("/events", &[])).await;
    let reset = loop {
        let frame = wire.next().await.expect("the connection stays");
        if frame.kind == RST_STREAM {
            break frame;
        }
    };
    assert_eq!(reset.stream, 1);
    wire.request(3, &get("/users/me", &[])).await;
    let other = wire.next().await.expect("the connection stays");
    assert_eq!((other.kind, other.stream), (HEADERS, 3), "{other:?}");
}
