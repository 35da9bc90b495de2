use crate::{
    helpers::{World, reply, status_of},
    secure::Certificates,
};
use common::config::Env;
use gateway::Config;
use rustls::version::{TLS12, TLS13};
use std::time::Duration;
use test_support::eventually;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const GET: &[u8] = b"GET /events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_of_tls_speak_both_versions_of_http() {
    let certificates = Certificates::new();
    let world = certificates.world(&[]).await;
    for version in [&TLS12, &TLS13] {
        let address = world.gateway.address();
        let mut stream = certificates.connect_by(address, "http/1.1", &[version]).await.unwrap();
        stream.write_all(GET).await.unwrap();
        let mut got = String::new();
        stream.read_to_string(&mut got).await.unwrap();
        assert_eq!(status_of(&got), 200, "{got}");
        assert!(got.contains("strict-transport-security"), "{got}");
        let stream = certificates.connect_by(address, "h2", &[version]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    }
    let got = certificates
        .http2(world.gateway.address())
        .await
        .get("/events", &[])
        .await
        .unwrap();
    assert_eq!(
        (got.status(), got.version()),
        (http::StatusCode::OK, http::Version::HTTP_2)
    );
    let old = certificates.connect(world.gateway.address(), "http/1.0").await;
    assert!(old.is_err(), "no protocol in common, no connection");
    let plain = crate::helpers::raw(world.gateway.address(), GET).await;
    assert!(!plain.contains("HTTP/1.1 200"), "{plain}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_counts_for_new_connections_and_a_bad_one_for_none() {
    let certificates = Certificates::new();
    let world = certificates.world(&[]).await;
    let shown = async || {
        let stream = certificates.connect(world.gateway.address(), "h2").await.ok()?;
        Some(stream.get_ref().1.peer_certificates()?[0].clone().into_owned())
    };
    let old = certificates.http2(world.gateway.address()).await;
    let renewed = certificates.renew();
    eventually("the new certificate is shown", Duration::from_secs(30), || async {
        (shown().await? == renewed).then_some(())
    })
    .await;
    assert_eq!(
        old.get("/events", &[]).await.unwrap().status(),
        200,
        "the old connection goes on"
    );
    certificates.write("cert.pem", "-----BEGIN CERTIFICATE-----\nbroken");
    // Longer than it takes to be noticed.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(shown().await.unwrap(), renewed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_does_not_come_is_cut() {
    let certificates = Certificates::new();
    let world = certificates.world(&[("HEADER_READ_TIMEOUT_SECONDS", "2")]).await;
    let bare = async {
        let mut silent = TcpStream::connect(world.gateway.address()).await.unwrap();
        let mut rest = Vec::new();
        let read = tokio::time::timeout(PATIENCE, silent.read_to_end(&mut rest));
        assert_eq!(read.await.expect("it is cut").unwrap(), 0);
    };
    // Nor is one that has been made and is then left alone.
    let made = ["http/1.1", "h2"].map(async |protocol| {
        let mut silent = certificates.connect(world.gateway.address(), protocol).await.unwrap();
        let mut rest = Vec::new();
        let read = tokio::time::timeout(PATIENCE, silent.read_to_end(&mut rest));
        let _cut = read.await.unwrap_or_else(|_| panic!("{protocol} is cut"));
    });
    tokio::join!(bare, futures_util::future::join_all(made));
}

#[test]
fn a_certificate_that_cannot_be_used_is_refused_at_the_start() {
    let certificates = Certificates::new();
    let start = |pairs: &[(&str, &str)]| {
        let env = Env::from_pairs(pairs.iter().copied()).unwrap();
        Config::from_env(&env).err().expect("it is refused").variable
    };
    assert_eq!(start(&[("TLS_CERT_FILE", "cert.pem")]), "TLS_KEY_FILE");
    assert_eq!(start(&[("TLS_KEY_FILE", "key.pem")]), "TLS_CERT_FILE");
    assert_eq!(
        start(&[("TLS_CERT_FILE", "/nowhere"), ("TLS_KEY_FILE", "/nowhere")]),
        "TLS_CERT_FILE"
    );
    let key_of_another = rcgen::KeyPair::generate().unwrap().serialize_pem();
    certificates.write("key.pem", &key_of_another);
    let (certificate, key) = (certificates.path("cert.pem"), certificates.path("key.pem"));
    assert_eq!(
        start(&[("TLS_CERT_FILE", &certificate), ("TLS_KEY_FILE", &key)]),
        "TLS_CERT_FILE"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_it_is_plain_http() {
    let world = World::new().await;
    world.upstream.answer_with(|_| reply(200, &[], "{}"));
    assert_eq!(status_of(&world.raw(GET).await), 200);
}
