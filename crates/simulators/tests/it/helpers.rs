//! Simulators on a port of their own, and a server that receives their webhooks.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use chrono::TimeDelta;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use simulators::{Clock, SimulatorConfig, serve};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub(crate) const PRICE: i64 = 110_000;
pub(crate) const STORE: &str = "store-00000000-0000-4000-8000-000000000001";
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) http: Client,
    pub(crate) inbox: Inbox,
    pub(crate) webhook_secret: String,
    base: String,
    secret: String,
    seconds_ahead: Arc<AtomicI64>,
    _servers: JoinSet<()>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        Self {
            status,
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        }
    }

    /// The status and PortOne's error type.
    pub(crate) fn error(&self) -> (u16, &str) {
        (self.status, self.body["type"].as_str().unwrap_or_default())
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(adjust: impl FnOnce(&mut SimulatorConfig)) -> Self {
        let mut servers = JoinSet::new();
        let (inbox, inbox_url) = Inbox::open(&mut servers).await;
        let seconds_ahead = Arc::new(AtomicI64::new(0));
        let (machine, ahead) = (Clock::system(), Arc::clone(&seconds_ahead));
        let mut config = SimulatorConfig {
            portone_webhook_url: inbox_url,
            portone_webhook_retry_unit: Duration::from_millis(5),
            clock: Clock::from_fn(move || machine.now() + TimeDelta::seconds(ahead.load(Ordering::SeqCst))),
            ..SimulatorConfig::default()
        };
        adjust(&mut config);

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (secret, webhook_secret) = (
            config.portone_api_secret.clone(),
            config.portone_webhook_secrets[0].clone(),
        );
        servers.spawn(async move { serve(listener, config, std::future::pending()).await.unwrap() });

        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self {
            http,
            inbox,
            webhook_secret,
            base,
            secret,
            seconds_ahead,
            _servers: servers,
        }
    }

    pub(crate) fn pass_time(&self, seconds: i64) {
        self.seconds_ahead.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// A request to PortOne with the right secret.
    pub(crate) fn portone(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, &format!("/portone{path}"))
            .header("authorization", format!("PortOne {}", self.secret))
    }

    pub(crate) async fn pre_register(&self, id: &str) -> Answer {
        let body = json!({ "storeId": STORE, "totalAmount": PRICE, "currency": "KRW" });
        answer(
            self.portone(Method::POST, &format!("/payments/{id}/pre-register"))
                .json(&body),
        )
        .await
    }

    pub(crate) async fn window(&self, id: &str, body: &Value) -> Answer {
        self.control(Method::POST, &format!("/portone/payments/{id}/window"), body)
            .await
    }

    pub(crate) async fn confirm(&self, id: &str, body: &Value) -> Answer {
        answer(
            self.portone(Method::POST, &format!("/payments/{id}/confirm"))
                .json(body),
        )
        .await
    }

    pub(crate) async fn cancel(&self, id: &str, body: &Value) -> Answer {
        answer(self.portone(Method::POST, &format!("/payments/{id}/cancel")).json(body)).await
    }

    pub(crate) async fn get(&self, id: &str) -> Answer {
        answer(self.portone(Method::GET, &format!("/payments/{id}"))).await
    }

    pub(crate) async fn control(&self, method: Method, path: &str, body: &Value) -> Answer {
        answer(self.request(method, &format!("/control{path}")).json(body)).await
    }

    pub(crate) async fn ledger(&self) -> Value {
        answer(self.request(Method::GET, "/control/portone/ledger")).await.ok()
    }

    pub(crate) async fn faults(&self, faults: Value) -> Value {
        self.control(Method::PUT, "/faults", &faults).await.ok()
    }

    /// Pre-registers and authorises; the token is what the confirm needs.
    pub(crate) async fn authorised(&self, id: &str, outcome: &str) -> String {
        self.pre_register(id).await.ok();
        let reply = self.window(id, &json!({ "outcome": outcome })).await.ok();
        reply["paymentToken"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn paid(&self, id: &str) {
        let token = self.authorised(id, "PAY").await;
        self.confirm(id, &json!({ "paymentToken": token })).await.ok();
    }
}

pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    Answer::of(request.send().await.unwrap()).await
}

#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) id: String,
    pub(crate) timestamp: i64,
    pub(crate) signature: String,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn event(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }
}

/// Receives webhooks, and refuses those it was told to refuse.
#[derive(Clone, Default)]
pub(crate) struct Inbox {
    received: Arc<Mutex<Vec<Received>>>,
    refusals: Arc<Mutex<VecDeque<StatusCode>>>,
}

impl Inbox {
    async fn open(servers: &mut JoinSet<()>) -> (Self, String) {
        let inbox = Self::default();
        let router = Router::new().route("/webhook", post(receive)).with_state(inbox.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhook", listener.local_addr().unwrap());
        servers.spawn(async move { axum::serve(listener, router).await.unwrap() });
        (inbox, url)
    }

    pub(crate) fn refuse_next(&self, times: usize) {
        self.refusals
            .lock()
            .unwrap()
            .extend(vec![StatusCode::SERVICE_UNAVAILABLE; times]);
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub(crate) fn events(&self) -> Vec<String> {
        let mut events: Vec<String> = self.received().iter().map(Received::event).collect();
        events.sort();
        events
    }

    /// Waits for that many deliveries, refused ones included.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Received> {
        let deadline = Instant::now() + PATIENCE;
        while self.received().len() < count {
            assert!(Instant::now() < deadline, "only {:?} arrived", self.events());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.received()
    }
}

async fn receive(State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    inbox.received.lock().unwrap().push(Received {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp").parse().unwrap(),
        signature: header("webhook-signature"),
        body,
    });
    inbox.refusals.lock().unwrap().pop_front().unwrap_or(StatusCode::OK)
}
