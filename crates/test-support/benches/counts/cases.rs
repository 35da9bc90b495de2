//! The requests that are counted.

use anyhow::Context;
use common::{
    Clock,
    config::Env,
    context::RequestContext,
    identity::{Role, User},
    internal_auth::{Service, SigningKey, outgoing_headers},
    jwt::{JwtConfig, TokenIssuer},
};
use http::Method;
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use uuid::Uuid;

/// How many buyers ask in turns.
pub(crate) const BUYERS: usize = 50;
const SEATS_PER_HOLD: usize = 4;

/// The bytes of a request, by its number.
type Make = Arc<dyn Fn(usize) -> anyhow::Result<Vec<u8>> + Send + Sync>;

/// A kind of request.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) what: &'static str,
    pub(crate) request: Make,
    /// What each buyer asks first.
    pub(crate) before: Option<Box<Case>>,
}

impl Case {
    fn new(what: &'static str, request: impl Fn(usize) -> anyhow::Result<Vec<u8>> + Send + Sync + 'static) -> Self {
        Self {
            what,
            request: Arc::new(request),
            before: None,
        }
    }
}

/// Makes requests as the gateway sends them.
#[derive(Clone)]
pub(crate) struct Signed {
    key: SigningKey,
    users: Arc<Vec<Uuid>>,
}

impl Signed {
    pub(crate) fn new(env: &Env) -> anyhow::Result<Self> {
        Ok(Self {
            key: SigningKey::from_env(env, Service::Gateway)?,
            users: Arc::new((0..BUYERS).map(|_| Uuid::now_v7()).collect()),
        })
    }

    fn request(&self, method: &Method, path: &str, user: Uuid, fields: &str, body: &Value) -> anyhow::Result<Vec<u8>> {
        let role = Role::User;
        let user = Some(User { id: user, role });
        let context = RequestContext::new();
        let signed = outgoing_headers(&self.key, &Clock::system(), method, path, user, &context);
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: bench\r\n{fields}");
        for (name, value) in &signed {
            write!(text, "{name}: {}\r\n", value.to_str()?)?;
        }
        if body.is_null() {
            text.push_str("\r\n");
        } else {
            let body = body.to_string();
            let length = body.len();
            write!(
                text,
                "content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
            )?;
        }
        Ok(text.into_bytes())
    }

    /// Something that everybody may read.
    pub(crate) fn read(&self, what: &'static str, path: String) -> Case {
        let signed = self.clone();
        Case::new(what, move |number| {
            let user = signed.users[number % BUYERS];
            signed.request(&Method::GET, &path, user, "", &Value::Null)
        })
    }

    /// Somebody new joins the line.
    pub(crate) fn enter(&self, event: Uuid) -> Case {
        let signed = self.clone();
        let body = json!({"eventId": event});
        Case::new("queue: `POST /queue/enter`", move |_| {
            signed.request(&Method::POST, "/queue/enter", Uuid::now_v7(), "", &body)
        })
    }

    /// Each of the buyers joins once and asks where he stands again and again.
    pub(crate) fn status(&self, event: Uuid) -> Case {
        let mut case = self.read("queue: `GET /queue/status`", format!("/queue/status?eventId={event}"));
        let (signed, body) = (self.clone(), json!({"eventId": event}));
        case.before = Some(Box::new(Case::new("joining", move |number| {
            signed.request(&Method::POST, "/queue/enter", signed.users[number % BUYERS], "", &body)
        })));
        case
    }

    /// A new buyer holds seats that nobody has had.
    pub(crate) fn hold(&self, event: Uuid, seats: Vec<Uuid>) -> Case {
        let (signed, next) = (self.clone(), AtomicUsize::new(0));
        Case::new("reservation: `POST /reservations/hold`, four seats", move |_| {
            let first = next.fetch_add(SEATS_PER_HOLD, Ordering::Relaxed);
            let seats = seats
                .get(first..first + SEATS_PER_HOLD)
                .context("the hall is sold out")?;
            let body = json!({"eventId": event, "seatIds": seats});
            let token = "x-queue-token: qr_good\r\n";
            signed.request(&Method::POST, "/reservations/hold", Uuid::now_v7(), token, &body)
        })
    }
}

/// Signed-in users at the gateway.
pub(crate) fn proxied(env: &Env) -> anyhow::Result<Case> {
    let issuer = TokenIssuer::new(JwtConfig::from_env(env)?, Clock::system());
    let requests: Vec<Vec<u8>> = (0..BUYERS)
        .map(|_| {
            let (token, _) = issuer.issue(Uuid::now_v7(), Role::User, Uuid::now_v7())?;
            let text = format!(
                "GET /users/me HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: bench/1\r\nAccept: application/json\r\n\
                 Authorization: Bearer {token}\r\n\r\n"
            );
            Ok(text.into_bytes())
        })
        .collect::<anyhow::Result<_>>()?;
    Ok(Case::new("gateway: `GET /users/me`, passed on", move |number| {
        Ok(requests[number % BUYERS].clone())
    }))
}
