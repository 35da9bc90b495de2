use common::{
    Clock,
    config::Env,
    context::RequestContext,
    identity::{Role, User},
    internal_auth::{Service, SigningKey, outgoing_headers},
    lifecycle::install_tls_provider,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::Value;
use uuid::Uuid;

/// Calls one service or the gateway as somebody. Cheap to clone; `as_…` and `with_header` give changed copies.
#[derive(Clone)]
pub struct Api {
    base_url: String,
    http: reqwest::Client,
    /// Signs as this caller; `None` calls as the outside world does.
    key: Option<SigningKey>,
    user: Option<User>,
    headers: HeaderMap,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body if it was JSON, else its text as a string, else null.
    pub body: Value,
}

impl Reply {
    /// The body, if the status is the expected one.
    ///
    /// # Panics
    /// When it is not; shows the reply.
    #[must_use]
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "unexpected reply: {self:#?}");
        self.body
    }

    /// Expects a problem of that status and code.
    ///
    /// # Panics
    /// When it is another reply, or not a problem.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Value {
        assert_eq!(
            (self.status.as_u16(), self.body["code"].as_str()),
            (status, Some(code)),
            "unexpected reply: {self:#?}"
        );
        let content_type = self.headers.get("content-type").and_then(|value| value.to_str().ok());
        assert_eq!(content_type, Some("application/problem+json"));
        self.body
    }

    /// A header's text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Api {
    /// Calls as the outside world does, without an internal credential; for the gateway.
    #[must_use]
    pub fn new(base_url: &str) -> Self {
        install_tls_provider();
        Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            // The services speak plain HTTP. To read the machine's certificates takes a debug build longer than most tests'
            // requests together, and there are tests with hundreds of callers.
            http: reqwest::Client::builder()
                .tls_certs_only([])
                .build()
                .expect("a client that knows no certificate can be made"),
            key: None,
            user: None,
            headers: HeaderMap::new(),
        }
    }

    /// Calls as the gateway does, with its local key, for nobody yet.
    #[must_use]
    pub fn as_gateway(base_url: &str) -> Self {
        Self::as_service(base_url, Service::Gateway)
    }

    /// Calls as another service does, with its local key.
    ///
    /// # Panics
    /// Never in a local environment.
    #[must_use]
    pub fn as_service(base_url: &str, service: Service) -> Self {
        let env = Env::from_pairs::<String, String>([]).expect("the empty environment is local");
        let key = SigningKey::from_env(&env, service).expect("local keys have defaults");
        Self {
            key: Some(key),
            ..Self::new(base_url)
        }
    }

    /// The same caller on behalf of a user.
    #[must_use]
    pub fn as_user(&self, id: Uuid) -> Self {
        Self {
            user: Some(User { id, role: Role::User }),
            ..self.clone()
        }
    }

    /// The same caller on behalf of an administrator.
    #[must_use]
    pub fn as_admin(&self, id: Uuid) -> Self {
        Self {
            user: Some(User { id, role: Role::Admin }),
            ..self.clone()
        }
    }

    /// The same caller with an access token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        self.with_header("authorization", &format!("Bearer {token}"))
    }

    /// The same caller with another header on each call.
    ///
    /// # Panics
    /// When the name or value is no header.
    #[must_use]
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut copy = self.clone();
        let name = HeaderName::try_from(name).expect("a header name");
        copy.headers
            .insert(name, HeaderValue::from_str(value).expect("a header value"));
        copy
    }

    /// GETs `path`.
    pub async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, None).await
    }

    /// POSTs JSON to `path`.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::POST, path, Some(body)).await
    }

    /// PUTs JSON to `path`.
    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// DELETEs `path`.
    pub async fn delete(&self, path: &str) -> Reply {
        self.call(Method::DELETE, path, None).await
    }

    /// Sends a request with a JSON body, if any.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        let body = body.map(|body| ("application/json", body.to_string().into_bytes()));
        self.send(method, path, body).await
    }

    /// Sends a request with a raw body of that content type, if any.
    ///
    /// # Panics
    /// When no reply comes back.
    pub async fn send(&self, method: Method, path: &str, body: Option<(&str, Vec<u8>)>) -> Reply {
        self.try_send(method.clone(), path, body)
            .await
            .unwrap_or_else(|error| panic!("{method} {path}: {error:?}"))
    }

    /// As [`Api::send`], for callers who expect services to die under them.
    ///
    /// # Errors
    /// When no reply comes back.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, Vec<u8>)>,
    ) -> Result<Reply, reqwest::Error> {
        let response = self.request(method, path, body).send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await?;
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()))
        };
        Ok(Reply { status, headers, body })
    }

    /// GETs `path` and leaves the body to the caller: for replies without an end.
    ///
    /// # Panics
    /// When no reply comes back.
    pub async fn open(&self, path: &str) -> reqwest::Response {
        let request = self.request(Method::GET, path, None);
        request
            .send()
            .await
            .unwrap_or_else(|error| panic!("GET {path}: {error:?}"))
    }

    fn request(&self, method: Method, path: &str, body: Option<(&str, Vec<u8>)>) -> reqwest::RequestBuilder {
        let context = RequestContext::new();
        let mut headers = match &self.key {
            Some(key) => outgoing_headers(key, &Clock::system(), &method, path, self.user, &context),
            None => HeaderMap::new(),
        };
        headers.extend(self.headers.clone());
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base_url))
            .headers(headers);
        if let Some((content_type, body)) = body {
            request = request.header("content-type", content_type).body(body);
        }
        request
    }
}
