//! The stand-in for the services.

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use common::{
    Clock,
    config::Env,
    internal_auth::{Service, Verifier, guard},
};
use http::{HeaderMap, Method};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{net::TcpListener, task::JoinSet};

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

/// A plain reply.
pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut reply = Response::builder().status(status);
    for (name, value) in headers {
        reply = reply.header(*name, *value);
    }
    reply.body(body.into()).unwrap()
}
