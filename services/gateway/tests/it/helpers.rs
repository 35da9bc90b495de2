use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use common::{
    Clock,
    config::Env,
    identity::Role,
    internal_auth::{Service, Verifier, guard},
    jwt::{JwtConfig, TokenIssuer},
};
use gateway::{Config, build};
use http::{HeaderMap, Method};
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use test_support::{Api, Running, connect_redis};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use uuid::Uuid;

pub(crate) const BACKENDS: [&str; 5] = ["USER", "EVENT", "QUEUE", "RESERVATION", "PAYMENT"];

/// A running gateway with what surrounds it.
pub(crate) struct World {
    pub(crate) gateway: Running,
    pub(crate) upstream: Upstream,
    pub(crate) redis: Redis,
    pub(crate) clock: Clock,
    api: Api,
    settings: HashMap<String, String>,
}

impl World {
    /// With default settings.
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With settings of the test's own.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        let (upstream, redis, clock) = (Upstream::start().await, Redis::lease().await, Clock::adjustable());
        let mut all: HashMap<String, String> = HashMap::new();
        for (name, value) in [
            ("HOST", "127.0.0.1"),
            ("PORT", "0"),
            ("REDIS_URL", &redis.url),
            ("SHUTDOWN_GRACE_SECONDS", "5"),
        ] {
            all.insert(name.to_owned(), value.to_owned());
        }
        for backend in BACKENDS {
            all.insert(format!("{backend}_SERVICE_URL"), upstream.url());
        }
        all.extend(
            settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let config = Config::from_env(&Env::from_pairs(all.clone()).unwrap())
            .unwrap()
            .with_clock(clock.clone());
        let gateway = Running::start(build(config).await.unwrap());
        Self {
            api: Api::new(&gateway.url()),
            gateway,
            upstream,
            redis,
            clock,
            settings: all,
        }
    }

    /// Another gateway with the same settings.
    pub(crate) async fn replica(&self) -> Running {
        let env = Env::from_pairs(self.settings.clone()).unwrap();
        let config = Config::from_env(&env).unwrap().with_clock(self.clock.clone());
        Running::start(build(config).await.unwrap())
    }

    /// The environment of this gateway.
    pub(crate) fn settings(&self) -> &HashMap<String, String> {
        &self.settings
    }

    /// Calls as anybody.
    pub(crate) fn anybody(&self) -> Api {
        self.api.clone()
    }

    /// Calls as a new signed-in user.
    pub(crate) fn somebody(&self) -> Person {
        Person::new(self, Role::User)
    }

    /// Calls as a signed-in administrator.
    pub(crate) fn admin(&self) -> Person {
        Person::new(self, Role::Admin)
    }

    /// Issues tokens as the user service does, with this clock.
    pub(crate) fn issuer(&self, clock: &Clock) -> TokenIssuer {
        let env = Env::from_pairs(self.settings.clone()).unwrap();
        TokenIssuer::new(JwtConfig::from_env(&env).unwrap(), clock.clone())
    }

    /// Sends bytes and reads until the gateway closes.
    pub(crate) async fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        raw(self.gateway.address(), bytes).await
    }

    /// The reply's first line to a GET of exactly this target.
    pub(crate) async fn raw_get(&self, target: &str, headers: &str) -> String {
        self.raw(format!(
            "GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n"
        ))
        .await
    }
}

/// A signed-in account.
pub(crate) struct Person {
    pub(crate) id: Uuid,
    pub(crate) sid: Uuid,
    pub(crate) token: String,
    pub(crate) api: Api,
}

impl Person {
    fn new(world: &World, role: Role) -> Self {
        let (id, sid) = (Uuid::now_v7(), Uuid::now_v7());
        let (token, _) = world.issuer(&world.clock).issue(id, role, sid).unwrap();
        let api = world.anybody().with_token(&token);
        Self { id, sid, token, api }
    }
}

/// A request as a service got it.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Recorded {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

type Answer = Arc<dyn Fn(&Recorded) -> Response + Send + Sync>;

/// Stands in for the services. It accepts only what the gateway signed, as they do.
pub(crate) struct Upstream {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Recorded>>>,
    answer: Arc<Mutex<Answer>>,
    _serving: JoinSet<()>,
}

#[derive(Clone)]
struct UpstreamState {
    requests: Arc<Mutex<Vec<Recorded>>>,
    answer: Arc<Mutex<Answer>>,
}

impl Upstream {
    /// On a port of its own.
    pub(crate) async fn start() -> Self {
        let env = Env::from_pairs::<String, String>([]).unwrap();
        let verifier = Verifier::from_env(&env, Clock::system()).unwrap();
        let answer: Answer = Arc::new(|_| axum::Json(serde_json::json!({"ok": true})).into_response());
        let state = UpstreamState {
            requests: Arc::default(),
            answer: Arc::new(Mutex::new(answer)),
        };
        let app = Router::new().route("/{*path}", axum::routing::any(record));
        let app = guard(app, &verifier, &[Service::Gateway])
            .route("/health/ready", axum::routing::get(|| async { "UP" }))
            .route("/openapi.json", axum::routing::get(record))
            .with_state(state.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            address,
            requests: state.requests,
            answer: state.answer,
            _serving: serving,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers like this from now on.
    pub(crate) fn answer_with(&self, answer: impl Fn(&Recorded) -> Response + Send + Sync + 'static) {
        *self.answer.lock().unwrap() = Arc::new(answer);
    }

    /// What has arrived so far.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.requests.lock().unwrap().clone()
    }

    /// The only request that has arrived.
    pub(crate) fn only(&self) -> Recorded {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:#?}");
        requests.remove(0)
    }
}

async fn record(State(state): State<UpstreamState>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // A body that is broken off is recorded as far as it came.
    let body = axum::body::to_bytes(body, usize::MAX)
        .await
        .map(|bytes| bytes.to_vec())
        .unwrap_or_default();
    let recorded = Recorded {
        method: parts.method,
        target: parts.uri.to_string(),
        headers: parts.headers,
        body,
    };
    state.requests.lock().unwrap().push(recorded.clone());
    let answer = Arc::clone(&state.answer.lock().unwrap());
    answer(&recorded)
}

/// For replies of which only the status matters.
pub(crate) trait MustBe {
    fn must_be(self, status: u16);
}

impl MustBe for test_support::Reply {
    #[track_caller]
    fn must_be(self, status: u16) {
        let _body = self.expect(status);
    }
}

/// A plain reply.
pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut reply = Response::builder().status(status);
    for (name, value) in headers {
        reply = reply.header(*name, *value);
    }
    reply.body(body.into()).unwrap()
}

/// A server that does something odd with each connection.
pub(crate) struct OddServer {
    pub(crate) address: SocketAddr,
    connections: Arc<std::sync::atomic::AtomicUsize>,
    open: Arc<std::sync::atomic::AtomicUsize>,
    _serving: JoinSet<()>,
}

impl OddServer {
    pub(crate) async fn start<F>(odd: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::<std::sync::atomic::AtomicUsize>::default();
        let open = Arc::<std::sync::atomic::AtomicUsize>::default();
        let (count, count_open) = (Arc::clone(&connections), Arc::clone(&open));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut running = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                count_open.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                let (served, count_open) = (odd(stream), Arc::clone(&count_open));
                running.spawn(async move {
                    served.await;
                    count_open.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                });
            }
        });
        Self {
            address,
            connections,
            open,
            _serving: serving,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many there have been.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// How many there are.
    pub(crate) fn open(&self) -> usize {
        self.open.load(std::sync::atomic::Ordering::SeqCst)
    }
}

/// Reads a request's head.
pub(crate) async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Sends bytes and reads until the other side closes.
pub(crate) async fn raw(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_ref()).await.unwrap();
    let mut reply = Vec::new();
    let reading = stream.read_to_end(&mut reply);
    // A reset after the reply is not the client's business.
    let _read = tokio::time::timeout(Duration::from_secs(20), reading)
        .await
        .expect("the gateway closes");
    String::from_utf8_lossy(&reply).into_owned()
}

/// A reply's status in a raw reply.
#[track_caller]
pub(crate) fn status_of(reply: &str) -> u16 {
    reply
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_else(|| panic!("no reply: {reply:?}"))
}

/// A logical database of its own.
pub(crate) struct Redis {
    pub(crate) url: String,
    connection: redis::aio::MultiplexedConnection,
}

impl Redis {
    #[expect(
        clippy::disallowed_methods,
        reason = "the address of the test server is no setting of the gateway"
    )]
    pub(crate) async fn lease() -> Self {
        let server = std::env::var("TICKET_QUEUE_REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:16379".to_owned());
        let mut connection = connect_redis(&format!("{server}/0")).await;
        let lease: u32 = redis::cmd("INCR")
            .arg("test:lease")
            .query_async(&mut connection)
            .await
            .unwrap();
        let url = format!("{server}/{}", lease % 500 + 1);
        let mut connection = connect_redis(&url).await;
        redis::cmd("FLUSHDB").query_async::<()>(&mut connection).await.unwrap();
        Self { url, connection }
    }

    pub(crate) async fn set(&self, key: &str, value: &str) {
        redis::cmd("SET")
            .arg(key)
            .arg(value)
            .query_async::<()>(&mut self.connection.clone())
            .await
            .unwrap();
    }

    pub(crate) async fn keys(&self) -> Vec<String> {
        redis::cmd("KEYS")
            .arg("*")
            .query_async(&mut self.connection.clone())
            .await
            .unwrap()
    }

    pub(crate) async fn command(&self, name: &str, arguments: &[&str]) {
        redis::cmd(name)
            .arg(arguments)
            .query_async::<()>(&mut self.connection.clone())
            .await
            .unwrap();
    }
}
