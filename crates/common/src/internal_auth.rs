//! The internal credential (`design.md` §4): `X-Internal-Auth: v1;<caller>;<unix seconds>;<hex HMAC-SHA256>` over the method,
//! the path with its query, the identity headers and the request id. Each caller has a key of its own. The gateway's opens
//! public routes only and the services' open `/internal/**` only, so reaching a service's port gives nobody an identity, and
//! the gateway cannot be used to reach `/internal`.

use crate::{
    Clock,
    config::{ConfigError, Env},
    context::{REQUEST_ID_HEADER, RequestContext, TRACEPARENT_HEADER},
    crypto::{self, MacKey},
    identity::{Role, User, VerifiedIdentity},
    live::Live,
    problem::{Code, Problem},
    secrets::Accepted,
};
use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
    routing::Route,
};
use futures_util::future::Either;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use secrecy::{ExposeSecret, SecretString};
use std::{convert::Infallible, future::ready, sync::Arc};
use tower::{Layer, Service as _, layer::layer_fn, service_fn};
use uuid::{Uuid, fmt::Hyphenated};

/// Header carrying the credential.
pub const INTERNAL_AUTH_HEADER: &str = "x-internal-auth";
/// Header carrying the signed-in user's id.
pub const USER_ID_HEADER: &str = "x-user-id";
/// Header carrying the signed-in user's role.
pub const USER_ROLE_HEADER: &str = "x-user-role";
/// As names, ready to be looked for.
const INTERNAL_AUTH: HeaderName = HeaderName::from_static(INTERNAL_AUTH_HEADER);
const USER_ID: HeaderName = HeaderName::from_static(USER_ID_HEADER);
const USER_ROLE: HeaderName = HeaderName::from_static(USER_ROLE_HEADER);
const REQUEST_ID: HeaderName = HeaderName::from_static(REQUEST_ID_HEADER);
/// How far the caller's clock may be off, in seconds.
const TOLERANCE_SECONDS: i64 = 30;

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// The gateway, on behalf of clients.
    Gateway,
    /// The user service.
    User,
    /// The event service.
    Event,
    /// The queue service.
    Queue,
    /// The reservation service.
    Reservation,
    /// The payment service.
    Payment,
}

impl Service {
    /// Every caller.
    pub const ALL: [Self; 6] = [
        Self::Gateway,
        Self::User,
        Self::Event,
        Self::Queue,
        Self::Reservation,
        Self::Payment,
    ];

    /// The name in the credential, in logs and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::User => "user",
            Self::Event => "event",
            Self::Queue => "queue",
            Self::Reservation => "reservation",
            Self::Payment => "payment",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == text)
    }

    fn variable(self) -> String {
        format!("INTERNAL_KEY_{}", self.name().to_uppercase())
    }

    fn keys(self, env: &Env) -> Result<Live<Keys>, ConfigError> {
        env.live_secret(&self.variable(), &self.local_key(), |secrets| Ok(Keys::new(&secrets)))
    }

    /// Its place in [`Service::ALL`].
    const fn index(self) -> usize {
        self as usize
    }

    fn local_key(self) -> String {
        format!("local-only-internal-key-of-{}-0123456789", self.name())
    }
}

/// A service's keys, ready to be used.
#[derive(Debug)]
struct Keys {
    current: MacKey,
    others: Vec<MacKey>,
}

impl Keys {
    fn new(secrets: &Accepted) -> Self {
        let key = |secret: &SecretString| MacKey::new(secret.expose_secret().as_bytes());
        Self {
            current: key(&secrets.current),
            others: secrets.others.iter().map(key).collect(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &MacKey> {
        std::iter::once(&self.current).chain(&self.others)
    }
}

/// The key with which a service signs its own calls, from `INTERNAL_KEY_<SERVICE>` or its file.
#[derive(Clone)]
pub struct SigningKey {
    service: Service,
    key: Live<Keys>,
}

impl SigningKey {
    /// Reads the service's key.
    ///
    /// # Errors
    /// In production, when it is missing, default or short.
    pub fn from_env(env: &Env, service: Service) -> Result<Self, ConfigError> {
        Ok(Self {
            service,
            key: service.keys(env)?,
        })
    }

    /// Makes the header for one request, and shows it.
    fn sign(&self, request: &Signed<'_>, clock: &Clock, show: impl FnOnce(&[u8])) {
        let timestamp = clock.now().timestamp();
        let mac = request.mac(&self.key.get().current, self.service, timestamp);
        let mut digits = [0; 64];
        // It fails only where there is no room for all of them.
        let _encoded = hex::encode_to_slice(mac, &mut digits);
        let mut text = Vec::with_capacity(3 + 11 + 1 + 20 + 1 + digits.len());
        for part in [
            b"v1;",
            self.service.name().as_bytes(),
            b";",
            itoa::Buffer::new().format(timestamp).as_bytes(),
            b";",
            &digits,
        ] {
            text.extend_from_slice(part);
        }
        show(&text);
    }
}

/// What the credential vouches for.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The path with its query.
    pub path_and_query: &'a str,
    /// The text of `X-User-Id`, empty if there is none.
    pub user_id: &'a str,
    /// The text of `X-User-Role`, empty if there is none.
    pub role: &'a str,
    /// The text of `X-Request-Id`.
    pub request_id: &'a str,
}

impl Signed<'_> {
    fn mac(&self, key: &MacKey, service: Service, timestamp: i64) -> [u8; 32] {
        key.mac(&[
            b"v1",
            service.name().as_bytes(),
            &timestamp.to_be_bytes(),
            self.method.as_str().as_bytes(),
            self.path_and_query.as_bytes(),
            self.user_id.as_bytes(),
            self.role.as_bytes(),
            self.request_id.as_bytes(),
        ])
    }
}

/// The keys a service accepts, the present one of each caller and those beside it.
#[derive(Clone)]
pub struct Verifier {
    /// In the order of [`Service::ALL`].
    keys: Arc<[Live<Keys>]>,
    clock: Clock,
}

impl Verifier {
    /// Reads the keys of all callers.
    ///
    /// # Errors
    /// In production, when one is missing, default or short.
    pub fn from_env(env: &Env, clock: Clock) -> Result<Self, ConfigError> {
        let keys: Result<_, _> = Service::ALL.iter().map(|service| service.keys(env)).collect();
        Ok(Self { keys: keys?, clock })
    }

    /// Who signed the request, if the signature holds.
    fn verify(&self, method: &Method, path_and_query: &str, headers: &HeaderMap) -> Option<Service> {
        let mut parts = text(headers, &INTERNAL_AUTH)?.split(';');
        let (version, caller, timestamp, mac) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let caller = Service::parse(caller)?;
        let timestamp: i64 = timestamp.parse().ok()?;
        let mut sent = [0; 32];
        hex::decode_to_slice(mac, &mut sent).ok()?;
        let drift = self.clock.now().timestamp().checked_sub(timestamp)?.checked_abs()?;
        if version != "v1" || parts.next().is_some() || drift > TOLERANCE_SECONDS {
            return None;
        }
        let signed = Signed {
            method,
            path_and_query,
            user_id: text(headers, &USER_ID).unwrap_or_default(),
            role: text(headers, &USER_ROLE).unwrap_or_default(),
            request_id: text(headers, &REQUEST_ID).unwrap_or_default(),
        };
        self.keys
            .get(caller.index())?
            .get()
            .all()
            .any(|key| crypto::constant_time_eq(&signed.mac(key, caller, timestamp), &sent))
            .then_some(caller)
    }
}

/// Lets only the named callers in, and tells the handlers whom the request speaks for. Goes around a service's routes:
/// `[Service::Gateway]` for those of clients, the services that need it for each route under `/internal`.
pub fn guard<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    verifier: &Verifier,
    callers: &'static [Service],
) -> Router<S> {
    router.route_layer(guarding(verifier.clone(), callers))
}

/// As [`guard`], for routers that collect their OpenAPI document.
pub fn guard_api<S: Clone + Send + Sync + 'static>(
    router: utoipa_axum::router::OpenApiRouter<S>,
    verifier: &Verifier,
    callers: &'static [Service],
) -> utoipa_axum::router::OpenApiRouter<S> {
    router.route_layer(guarding(verifier.clone(), callers))
}

/// The layer. One made by `middleware::from_fn` would copy all that is inside it for each request, and box its future.
fn guarding(
    verifier: Verifier,
    callers: &'static [Service],
) -> impl Layer<
    Route,
    Service: tower::Service<Request, Response = Response, Error = Infallible, Future: Send + 'static>
                 + Clone
                 + Send
                 + Sync
                 + 'static,
> + Clone
+ Send
+ Sync
+ 'static {
    layer_fn(move |mut route: Route| {
        let verifier = verifier.clone();
        service_fn(
            move |mut request: Request| match check(&verifier, callers, &mut request) {
                Ok(()) => Either::Left(route.call(request)),
                Err(problem) => Either::Right(ready(Ok(problem.into_response()))),
            },
        )
    })
}

/// Notes whom the request speaks for, if it may come in.
fn check(verifier: &Verifier, callers: &[Service], request: &mut Request) -> Result<(), Problem> {
    let path_and_query = request.uri().path_and_query().map_or("/", |text| text.as_str());
    match verifier.verify(request.method(), path_and_query, request.headers()) {
        Some(caller) if callers.contains(&caller) => {}
        Some(caller) => {
            tracing::warn!(
                caller.name = caller.name(),
                url.path = request.uri().path(),
                "a caller is not allowed here"
            );
            return Err(Problem::new(Code::Forbidden));
        }
        None => {
            return Err(Problem::new(Code::Forbidden).detail("The internal credential is missing or not valid."));
        }
    }
    let identity = identity(request.headers())
        .ok_or_else(|| Problem::new(Code::Forbidden).detail("The identity headers are not valid."))?;
    request.extensions_mut().insert(identity);
    Ok(())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn identity(headers: &HeaderMap) -> Option<VerifiedIdentity> {
    match (text(headers, &USER_ID), text(headers, &USER_ROLE)) {
        (None, None) => Some(VerifiedIdentity { user: None }),
        (Some(id), Some(role)) => {
            let user = User {
                id: Uuid::parse_str(id).ok()?,
                role: Role::parse(role)?,
            };
            Some(VerifiedIdentity { user: Some(user) })
        }
        _ => None,
    }
}

/// The headers of a call that `key`'s service makes; see [`each_header`].
#[must_use]
pub fn outgoing_headers(
    key: &SigningKey,
    clock: &Clock,
    method: &Method,
    path_and_query: &str,
    user: Option<User>,
    context: &RequestContext,
) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(5);
    each_header(key, clock, method, path_and_query, user, context, |name, text| {
        if let Ok(value) = HeaderValue::from_bytes(text) {
            headers.insert(name, value);
        }
    });
    headers
}

/// Names each header of a call that `key`'s service makes: the credential, the request id and the trace context, and the user
/// it acts for, if any.
pub fn each_header(
    key: &SigningKey,
    clock: &Clock,
    method: &Method,
    path_and_query: &str,
    user: Option<User>,
    context: &RequestContext,
    mut put: impl FnMut(&'static str, &[u8]),
) {
    let mut letters = [0; Hyphenated::LENGTH];
    let (user_id, role) = match user {
        Some(user) => (&*user.id.hyphenated().encode_lower(&mut letters), user.role.as_str()),
        None => ("", ""),
    };
    let signed = Signed {
        method,
        path_and_query,
        user_id,
        role,
        request_id: &context.request_id,
    };
    key.sign(&signed, clock, |credential| put(INTERNAL_AUTH_HEADER, credential));
    put(REQUEST_ID_HEADER, context.request_id.as_bytes());
    put(TRACEPARENT_HEADER, &context.trace.text());
    if user.is_some() {
        put(USER_ID_HEADER, user_id.as_bytes());
        put(USER_ROLE_HEADER, role.as_bytes());
    }
}

#[cfg(test)]
mod tests;
