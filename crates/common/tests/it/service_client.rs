//! Calls to a service that runs as several processes.

use common::{
    Clock,
    client::{ClientError, ServiceClient},
    config::Env,
    internal_auth::{Service, SigningKey},
};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
};

/// One process; dropped, it is dead.
struct Replica {
    address: SocketAddr,
    heard: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

impl Replica {
    /// Answers each request with this, or breaks its connection off if that is nothing.
    async fn saying(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&heard);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 4096];
                let mut length = 0;
                // A body of ours comes with its head or just behind it, and ends with a brace.
                loop {
                    length += stream.read(&mut request[length..]).await.unwrap_or(0);
                    let text = String::from_utf8_lossy(&request[..length]).to_lowercase();
                    if length == 0 || text.ends_with('}') || text.starts_with("get") && text.ends_with("\r\n\r\n") {
                        break;
                    }
                }
                count.fetch_add(1, Ordering::SeqCst);
                let _sent = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self {
            address,
            heard,
            _serving: serving,
        }
    }

    async fn well() -> Self {
        Self::saying("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 11\r\n\r\n{\"ok\":true}").await
    }

    fn heard(&self) -> usize {
        self.heard.load(Ordering::SeqCst)
    }
}

fn client(addresses: &[SocketAddr]) -> ServiceClient {
    let addresses: Vec<String> = addresses.iter().map(|address| format!("http://{address}/")).collect();
    ServiceClient::new("event-service", &addresses.join(", "), client_key(), Clock::system()).unwrap()
}

async fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn calls_go_to_all_replicas_and_pass_over_the_dead() {
    let (one, two) = (Replica::well().await, Replica::well().await);
    let client = client(&[one.address, nowhere().await, two.address]);
    for _ in 0..10 {
        client.post::<Value>("/internal/x", &json!({"a": 1})).await.unwrap();
        client.get::<Value>("/internal/x").await.unwrap();
    }
    assert_eq!(one.heard() + two.heard(), 20, "each call has one effect");
    assert!(one.heard() >= 5 && two.heard() >= 5, "{} {}", one.heard(), two.heard());
    drop(one);
    for _ in 0..10 {
        client.post::<Value>("/internal/x", &json!({"a": 1})).await.unwrap();
    }
}

#[tokio::test]
async fn a_read_that_broke_off_is_repeated_elsewhere_and_a_write_is_not() {
    let (broken, well) = (Replica::saying("").await, Replica::well().await);
    let client = client(&[broken.address, well.address]);
    for _ in 0..4 {
        client.get::<Value>("/internal/x").await.unwrap();
    }
    let (reads, all) = (broken.heard(), well.heard());
    assert!(reads >= 1 && all == 4, "{reads} {all}");
    let mut unknown = 0;
    for _ in 0..4 {
        match client.post::<Value>("/internal/x", &json!({"a": 1})).await {
            Ok(_) => {}
            Err(ClientError::Unavailable { .. }) => unknown += 1,
            Err(other) => panic!("{other}"),
        }
    }
    let writes = (broken.heard() - reads) + (well.heard() - all);
    assert_eq!(writes, 4, "each was sent once");
    assert_eq!(unknown, broken.heard() - reads);
}

#[tokio::test]
async fn without_any_replica_the_service_is_not_available() {
    let client = client(&[nowhere().await, nowhere().await]);
    let failed = client.get::<Value>("/internal/x").await;
    assert!(matches!(failed, Err(ClientError::Unavailable { .. })), "{failed:?}");
    let with_tls = ServiceClient::new(
        "event-service",
        "https://event-service:8082",
        client_key(),
        Clock::system(),
    );
    assert!(with_tls.is_err());
}

/// As our services say that they want to be left alone for a while.
const SHEDS: &str =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
/// Nobody that works says that without a time.
const BROKEN: &str = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

async fn unavailable(call: impl Future<Output = Result<Value, ClientError>>) {
    let result = call.await;
    assert!(matches!(result, Err(ClientError::Unavailable { .. })), "{result:?}");
}

#[tokio::test]
async fn a_service_that_sheds_load_is_neither_cut_off_nor_asked_twice() {
    let service = Replica::saying(SHEDS).await;
    let client = client(&[service.address]);
    for _ in 0..30 {
        unavailable(client.get("/internal/x")).await;
    }
    assert_eq!(service.heard(), 30, "each call is sent, and once");
}

#[tokio::test]
async fn a_service_that_fails_is_left_alone_and_nobody_waits_for_it() {
    let service = Replica::saying(BROKEN).await;
    let client = client(&[service.address]);
    for _ in 0..20 {
        unavailable(client.post("/internal/x", &json!({"a": 1}))).await;
    }
    assert_eq!(service.heard(), 20);
    let began = Instant::now();
    for _ in 0..600 {
        unavailable(client.get("/internal/x")).await;
    }
    assert_eq!(service.heard(), 20, "its circuit is open");
    // A pause before a retry is 50 ms on average.
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

fn client_key() -> SigningKey {
    SigningKey::from_env(&Env::from_pairs::<String, String>([]).unwrap(), Service::Queue).unwrap()
}
