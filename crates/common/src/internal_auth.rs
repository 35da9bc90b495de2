//! The internal credential (`design.md` §4): `X-Internal-Auth: v1;<caller>;<unix seconds>;<hex HMAC-SHA256>` over the method,
//! the path with its query, the identity headers and the request id. Each caller has a key of its own. The gateway's opens
//! public routes only and the services' open `/internal/**` only, so reaching a service's port gives nobody an identity, and
//! the gateway cannot be used to reach `/internal`.

use crate::{
    Clock,
    config::{ConfigError, Env},
    context::{REQUEST_ID_HEADER, TRACEPARENT_HEADER},
    crypto,
    extract::header_text,
    identity::{Role, User, VerifiedIdentity},
    live::Live,
    problem::{Code, Problem},
    secrets::Accepted,
};
use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method};
use secrecy::ExposeSecret;
use std::{collections::HashMap, sync::Arc};
use uuid::Uuid;

/// Header carrying the credential.
pub const INTERNAL_AUTH_HEADER: &str = "x-internal-auth";
/// Header carrying the signed-in user's id.
pub const USER_ID_HEADER: &str = "x-user-id";
/// Header carrying the signed-in user's role.
pub const USER_ROLE_HEADER: &str = "x-user-role";
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

    fn secrets(self, env: &Env) -> Result<Live<Accepted>, ConfigError> {
        env.live_secret(&self.variable(), &self.local_key(), |secrets| secrets)
    }

    fn local_key(self) -> String {
        format!("local-only-internal-key-of-{}-0123456789", self.name())
    }
}

/// The key with which a service signs its own calls, from `INTERNAL_KEY_<SERVICE>` or its file.
#[derive(Clone)]
pub struct SigningKey {
    service: Service,
    key: Live<Accepted>,
}

impl SigningKey {
    /// Reads the service's key.
    ///
    /// # Errors
    /// In production, when it is missing, default or short.
    pub fn from_env(env: &Env, service: Service) -> Result<Self, ConfigError> {
        Ok(Self {
            service,
            key: service.secrets(env)?,
        })
    }

    /// The header for one request.
    #[must_use]
    pub fn sign(&self, request: &Signed<'_>, clock: &Clock) -> HeaderValue {
        let timestamp = clock.now().timestamp();
        let mac = request.mac(self.key.get().current.expose_secret(), self.service, timestamp);
        let text = format!("v1;{};{timestamp};{}", self.service.name(), hex::encode(mac));
        // Made of a name, digits and hex only, which is always a valid header value.
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("unsigned"))
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
    fn mac(&self, key: &str, service: Service, timestamp: i64) -> [u8; 32] {
        crypto::hmac_sha256(
            key.as_bytes(),
            &[
                b"v1",
                service.name().as_bytes(),
                &timestamp.to_be_bytes(),
                self.method.as_str().as_bytes(),
                self.path_and_query.as_bytes(),
                self.user_id.as_bytes(),
                self.role.as_bytes(),
                self.request_id.as_bytes(),
            ],
        )
    }
}

/// The keys a service accepts, the present one of each caller and those beside it.
#[derive(Clone)]
pub struct Verifier {
    keys: Arc<HashMap<Service, Live<Accepted>>>,
    clock: Clock,
}

impl Verifier {
    /// Reads the keys of all callers.
    ///
    /// # Errors
    /// In production, when one is missing, default or short.
    pub fn from_env(env: &Env, clock: Clock) -> Result<Self, ConfigError> {
        let mut keys = HashMap::new();
        for service in Service::ALL {
            keys.insert(service, service.secrets(env)?);
        }
        Ok(Self {
            keys: Arc::new(keys),
            clock,
        })
    }

    /// Who signed the request, if the signature holds.
    fn verify(&self, method: &Method, path_and_query: &str, headers: &HeaderMap) -> Option<Service> {
        let mut parts = header_text(headers, INTERNAL_AUTH_HEADER)?.split(';');
        let (version, caller, timestamp, mac) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let caller = Service::parse(caller)?;
        let timestamp: i64 = timestamp.parse().ok()?;
        let mac = hex::decode(mac).ok()?;
        let drift = self.clock.now().timestamp().checked_sub(timestamp)?.checked_abs()?;
        if version != "v1" || parts.next().is_some() || drift > TOLERANCE_SECONDS {
            return None;
        }
        let text = |name| header_text(headers, name).unwrap_or_default();
        let signed = Signed {
            method,
            path_and_query,
            user_id: text(USER_ID_HEADER),
            role: text(USER_ROLE_HEADER),
            request_id: text(REQUEST_ID_HEADER),
        };
        self.keys
            .get(&caller)?
            .get()
            .all()
            .any(|key| crypto::constant_time_eq(&signed.mac(key.expose_secret(), caller, timestamp), &mac))
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
    router.route_layer(middleware::from_fn_with_state((verifier.clone(), callers), check))
}

/// As [`guard`], for routers that collect their OpenAPI document.
pub fn guard_api<S: Clone + Send + Sync + 'static>(
    router: utoipa_axum::router::OpenApiRouter<S>,
    verifier: &Verifier,
    callers: &'static [Service],
) -> utoipa_axum::router::OpenApiRouter<S> {
    router.route_layer(middleware::from_fn_with_state((verifier.clone(), callers), check))
}

async fn check(
    State((verifier, callers)): State<(Verifier, &'static [Service])>,
    mut request: Request,
    next: Next,
) -> Response {
    let path_and_query = request.uri().path_and_query().map_or("/", |text| text.as_str());
    match verifier.verify(request.method(), path_and_query, request.headers()) {
        Some(caller) if callers.contains(&caller) => {}
        Some(caller) => {
            tracing::warn!(
                caller.name = caller.name(),
                url.path = request.uri().path(),
                "a caller is not allowed here"
            );
            return Problem::new(Code::Forbidden).into_response();
        }
        None => {
            return Problem::new(Code::Forbidden)
                .detail("The internal credential is missing or not valid.")
                .into_response();
        }
    }
    let Some(identity) = identity(request.headers()) else {
        return Problem::new(Code::Forbidden)
            .detail("The identity headers are not valid.")
            .into_response();
    };
    request.extensions_mut().insert(identity);
    next.run(request).await
}

fn identity(headers: &HeaderMap) -> Option<VerifiedIdentity> {
    match (
        header_text(headers, USER_ID_HEADER),
        header_text(headers, USER_ROLE_HEADER),
    ) {
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

/// The headers of a call that `key`'s service makes: the credential, the request id and the trace context, and the user
/// it acts for, if any.
#[must_use]
pub fn outgoing_headers(
    key: &SigningKey,
    clock: &Clock,
    method: &Method,
    path_and_query: &str,
    user: Option<User>,
    context: &crate::context::RequestContext,
) -> HeaderMap {
    let user_id = user.map(|user| user.id.to_string()).unwrap_or_default();
    let role = user.map(|user| user.role.as_str()).unwrap_or_default();
    let signed = Signed {
        method,
        path_and_query,
        user_id: &user_id,
        role,
        request_id: &context.request_id,
    };
    let mut headers = HeaderMap::with_capacity(5);
    headers.insert(INTERNAL_AUTH_HEADER, key.sign(&signed, clock));
    let mut put = |name: &'static str, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    };
    put(REQUEST_ID_HEADER, &context.request_id);
    put(TRACEPARENT_HEADER, &context.trace.to_string());
    if user.is_some() {
        put(USER_ID_HEADER, &user_id);
        put(USER_ROLE_HEADER, role);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::RequestContext;
    use chrono::TimeDelta;

    fn setup() -> (Verifier, SigningKey, Clock) {
        let env = Env::from_pairs::<String, String>([]).unwrap();
        let clock = Clock::adjustable();
        let verifier = Verifier::from_env(&env, clock.clone()).unwrap();
        (verifier, SigningKey::from_env(&env, Service::Gateway).unwrap(), clock)
    }

    fn headers(key: &SigningKey, clock: &Clock) -> HeaderMap {
        let user = User {
            id: Uuid::nil(),
            role: Role::User,
        };
        outgoing_headers(
            key,
            clock,
            &Method::GET,
            "/users/me?x=1",
            Some(user),
            &RequestContext::new(),
        )
    }

    #[test]
    fn a_signed_request_names_its_caller() {
        let (verifier, key, clock) = setup();
        let headers = headers(&key, &clock);
        assert_eq!(
            verifier.verify(&Method::GET, "/users/me?x=1", &headers),
            Some(Service::Gateway)
        );
    }

    #[test]
    fn any_change_breaks_the_signature() {
        let (verifier, key, clock) = setup();
        let good = headers(&key, &clock);
        assert_eq!(verifier.verify(&Method::POST, "/users/me?x=1", &good), None);
        assert_eq!(verifier.verify(&Method::GET, "/users/me?x=2", &good), None);
        for (name, value) in [
            (USER_ID_HEADER, "x"),
            (USER_ROLE_HEADER, "ADMIN"),
            (REQUEST_ID_HEADER, "y"),
        ] {
            let mut bad = good.clone();
            bad.insert(name, HeaderValue::from_static(value));
            assert_eq!(verifier.verify(&Method::GET, "/users/me?x=1", &bad), None, "{name}");
        }
    }

    #[test]
    fn an_old_signature_is_refused() {
        let (verifier, key, clock) = setup();
        let headers = headers(&key, &clock);
        clock.advance(TimeDelta::seconds(31));
        assert_eq!(verifier.verify(&Method::GET, "/users/me?x=1", &headers), None);
    }

    #[test]
    fn the_former_key_is_accepted_during_rotation() {
        let clock = Clock::system();
        let former = SigningKey::from_env(
            &Env::from_pairs([("INTERNAL_KEY_GATEWAY", "old")]).unwrap(),
            Service::Gateway,
        );
        let env = Env::from_pairs([
            ("INTERNAL_KEY_GATEWAY", "new"),
            ("INTERNAL_KEY_GATEWAY_PREVIOUS", "old"),
        ])
        .unwrap();
        let verifier = Verifier::from_env(&env, clock.clone()).unwrap();
        let headers = headers(&former.unwrap(), &clock);
        assert_eq!(
            verifier.verify(&Method::GET, "/users/me?x=1", &headers),
            Some(Service::Gateway)
        );
    }
}
