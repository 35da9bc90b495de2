//! Errors as `application/problem+json` (RFC 9457) with our members `code`, `requestId` and `errors` (`design.md` §2).

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::time::Duration;
use utoipa::ToSchema;

/// What a handler returns.
pub type ApiResult<T> = Result<T, Problem>;

/// How long clients are asked to wait when a dependency is down.
const DEPENDENCY_RETRY: Duration = Duration::from_secs(5);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:ident, $title:literal;)*) => {
        /// The stable codes of `design.md` §2 and §3. Clients branch on these, so one is never renamed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// The code as it stands in a reply.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The HTTP status it comes with.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// What it means, for people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// The code of that text, if it is one of ours.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }
        }
    };
}

codes! {
    /// A field breaks its rule; `errors` says which.
    ValidationFailed = "VALIDATION_FAILED", BAD_REQUEST, "A field is not valid";
    /// The request is not the JSON, query or path that the endpoint takes.
    MalformedRequest = "MALFORMED_REQUEST", BAD_REQUEST, "The request cannot be read";
    /// The captcha was not passed.
    CaptchaFailed = "CAPTCHA_FAILED", BAD_REQUEST, "The captcha was not passed";
    /// The identity verification is missing, old, used, or of another person.
    IdentityNotVerified = "IDENTITY_NOT_VERIFIED", BAD_REQUEST, "The identity is not verified";
    /// The state of a social login is unknown, old, used, or of another browser, provider or user.
    OauthStateInvalid = "OAUTH_STATE_INVALID", BAD_REQUEST, "The social login must be begun again";
    /// The person did not agree at the provider.
    OauthDenied = "OAUTH_DENIED", BAD_REQUEST, "The social login was not agreed to";
    /// The provider does not take the authorisation code.
    OauthCodeInvalid = "OAUTH_CODE_INVALID", BAD_REQUEST, "The provider does not accept the code";
    /// A required agreement is missing.
    TermsNotAgreed = "TERMS_NOT_AGREED", BAD_REQUEST, "The required terms are not agreed to";
    /// The password is too weak or too long.
    WeakPassword = "WEAK_PASSWORD", BAD_REQUEST, "The password does not meet the rules";
    /// No usable access token.
    Unauthenticated = "UNAUTHENTICATED", UNAUTHORIZED, "Authentication is required";
    /// The access token has expired.
    TokenExpired = "TOKEN_EXPIRED", UNAUTHORIZED, "The access token has expired";
    /// The access token's session has ended.
    TokenRevoked = "TOKEN_REVOKED", UNAUTHORIZED, "The session has ended";
    /// Email or password is wrong.
    InvalidCredentials = "INVALID_CREDENTIALS", UNAUTHORIZED, "Email or password is wrong";
    /// The refresh token is unknown, expired or just rotated.
    RefreshTokenInvalid = "REFRESH_TOKEN_INVALID", UNAUTHORIZED, "The refresh token is not valid";
    /// An old refresh token was presented again; its family is revoked.
    RefreshTokenReused = "REFRESH_TOKEN_REUSED", UNAUTHORIZED, "The refresh token was used before; the session has ended";
    /// The token of a social sign-up is unknown, expired or used.
    SignupTokenInvalid = "SIGNUP_TOKEN_INVALID", UNAUTHORIZED, "The sign-up token is not valid";
    /// The webhook's signature is missing, wrong or old.
    SignatureInvalid = "SIGNATURE_INVALID", UNAUTHORIZED, "The signature is not valid";
    /// The card was declined.
    PaymentDeclined = "PAYMENT_DECLINED", PAYMENT_REQUIRED, "The payment was declined";
    /// The user may not do this.
    Forbidden = "FORBIDDEN", FORBIDDEN, "This is not allowed";
    /// `X-Queue-Token` is missing.
    QueueTokenRequired = "QUEUE_TOKEN_REQUIRED", FORBIDDEN, "A queue token is required";
    /// `X-Queue-Token` is unknown, expired, or of another user, event or kind.
    QueueTokenInvalid = "QUEUE_TOKEN_INVALID", FORBIDDEN, "The queue token is not valid";
    /// The account sleeps after a year without login.
    AccountDormant = "ACCOUNT_DORMANT", FORBIDDEN, "The account is dormant";
    /// The account was deleted.
    AccountDeleted = "ACCOUNT_DELETED", FORBIDDEN, "The account was deleted";
    /// There is no such thing, or it is another user's.
    NotFound = "NOT_FOUND", NOT_FOUND, "Not found";
    /// The user is not in the queue.
    NotQueued = "NOT_QUEUED", NOT_FOUND, "Not in the queue";
    /// There is no such event.
    EventNotFound = "EVENT_NOT_FOUND", NOT_FOUND, "There is no such event";
    /// The path exists, the method does not.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", METHOD_NOT_ALLOWED, "The method is not allowed here";
    /// The email is registered.
    EmailTaken = "EMAIL_TAKEN", CONFLICT, "The email is already registered";
    /// The person has an account.
    IdentityTaken = "IDENTITY_TAKEN", CONFLICT, "This person already has an account";
    /// The social account signs somebody else in.
    SocialAccountTaken = "SOCIAL_ACCOUNT_TAKEN", CONFLICT, "The social account belongs to another user";
    /// Without it nobody could sign in to the account.
    LastSignInMethod = "LAST_SIGN_IN_METHOD", CONFLICT, "It is the last way to sign in";
    /// The event is on sale, so this can no longer change.
    EventLocked = "EVENT_LOCKED", CONFLICT, "The event can no longer be changed";
    /// Reservations exist.
    EventHasReservations = "EVENT_HAS_RESERVATIONS", CONFLICT, "The event has reservations";
    /// The venue or hall is in use.
    InUse = "IN_USE", CONFLICT, "It is in use";
    /// The same thing exists already.
    AlreadyExists = "ALREADY_EXISTS", CONFLICT, "It exists already";
    /// The user waits for another event.
    AlreadyQueuedElsewhere = "ALREADY_QUEUED_ELSEWHERE", CONFLICT, "Already queued for another event";
    /// The queue is at its capacity.
    QueueFull = "QUEUE_FULL", CONFLICT, "The queue is full";
    /// The sale has not begun.
    SaleNotOpen = "SALE_NOT_OPEN", CONFLICT, "The sale has not begun";
    /// The sale is over.
    SaleClosed = "SALE_CLOSED", CONFLICT, "The sale is over";
    /// No seat is left.
    SoldOut = "SOLD_OUT", CONFLICT, "No seat is left";
    /// A seat is held or sold.
    SeatUnavailable = "SEAT_UNAVAILABLE", CONFLICT, "A seat is no longer available";
    /// More tickets than one booking or one user may have.
    TicketLimitExceeded = "TICKET_LIMIT_EXCEEDED", CONFLICT, "Too many tickets";
    /// The hold is over.
    HoldExpired = "HOLD_EXPIRED", CONFLICT, "The hold has expired";
    /// The user holds other seats of this event.
    HoldExists = "HOLD_EXISTS", CONFLICT, "There is a hold for this event already";
    /// The reservation is confirmed or cancelled.
    ReservationNotPending = "RESERVATION_NOT_PENDING", CONFLICT, "The reservation is not pending";
    /// A payment runs.
    PaymentInProgress = "PAYMENT_IN_PROGRESS", CONFLICT, "A payment is in progress";
    /// It is the day of the event.
    CancellationClosed = "CANCELLATION_CLOSED", CONFLICT, "Cancellation is closed";
    /// The client's amount differs from the reservation's.
    AmountMismatch = "AMOUNT_MISMATCH", CONFLICT, "The amount differs from the reservation's";
    /// The payment key belongs to another payment.
    PaymentKeyReused = "PAYMENT_KEY_REUSED", CONFLICT, "The payment key was used for another payment";
    /// The payment has ended.
    PaymentNotPending = "PAYMENT_NOT_PENDING", CONFLICT, "The payment is not pending";
    /// The first request with this key still runs.
    IdempotencyInFlight = "IDEMPOTENCY_IN_FLIGHT", CONFLICT, "The same request is still running";
    /// Someone changed it in between.
    PreconditionFailed = "PRECONDITION_FAILED", PRECONDITION_FAILED, "It was changed in between";
    /// A request's head has too many fields, or too much in them.
    HeadTooLarge = "HEAD_TOO_LARGE", REQUEST_HEADER_FIELDS_TOO_LARGE, "The request's head is too large";
    /// The body is too large.
    PayloadTooLarge = "PAYLOAD_TOO_LARGE", PAYLOAD_TOO_LARGE, "The body is too large";
    /// The content type is not the endpoint's.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", UNSUPPORTED_MEDIA_TYPE, "The content type is not supported";
    /// The key came with another body before.
    IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED", UNPROCESSABLE_ENTITY, "The idempotency key was used for another request";
    /// The account is locked.
    AccountLocked = "ACCOUNT_LOCKED", LOCKED, "The account is locked";
    /// `If-Match` is missing.
    PreconditionRequired = "PRECONDITION_REQUIRED", PRECONDITION_REQUIRED, "If-Match is required";
    /// Too many requests.
    RateLimited = "RATE_LIMITED", TOO_MANY_REQUESTS, "Too many requests";
    /// Our fault.
    Internal = "INTERNAL", INTERNAL_SERVER_ERROR, "Something went wrong";
    /// A service or provider failed.
    UpstreamFailed = "UPSTREAM_FAILED", BAD_GATEWAY, "A service behind this one failed";
    /// A dependency is down or its circuit open.
    ServiceUnavailable = "SERVICE_UNAVAILABLE", SERVICE_UNAVAILABLE, "Not available right now";
    /// A service behind this one took too long.
    UpstreamTimeout = "UPSTREAM_TIMEOUT", GATEWAY_TIMEOUT, "A service behind this one took too long";
}

/// One broken field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// The field's path, such as `agreements[0].type`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// An error reply. Boxed inside, so that results stay small.
#[derive(Clone, Debug)]
pub struct Problem(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    code: Code,
    detail: Option<String>,
    errors: Vec<FieldError>,
    members: Map<String, Value>,
    retry_after: Option<Duration>,
}

impl Problem {
    /// A problem of that code.
    #[must_use]
    pub fn new(code: Code) -> Self {
        let retry_after = (code == Code::ServiceUnavailable).then_some(DEPENDENCY_RETRY);
        Self(Box::new(Inner {
            code,
            detail: None,
            errors: Vec::new(),
            members: Map::new(),
            retry_after,
        }))
    }

    /// Code [`Code::ValidationFailed`] about one field.
    #[must_use]
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Code::ValidationFailed).field(field, message)
    }

    /// A dependency is down: 503. `dependency` is logged, the client learns only that it should come again.
    #[must_use]
    pub fn unavailable(dependency: &str, error: &dyn std::fmt::Display) -> Self {
        tracing::warn!(dependency.name = dependency, error.message = %error, "a dependency is not available");
        Self::new(Code::ServiceUnavailable)
    }

    /// Our own fault: 500. The cause is logged here, once, and the client learns nothing of it.
    #[must_use]
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(error.message = %error, "a request failed by our own fault");
        Self::new(Code::Internal)
    }

    /// Says more about this occurrence.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds a broken field.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.0.errors.push(FieldError {
            field: field.into(),
            message: message.into(),
        });
        self
    }

    /// Adds a member of its own, such as `seatIds`.
    #[must_use]
    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// Asks the client to come again no sooner than after `wait`.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The members of its own.
    #[must_use]
    pub fn members(&self) -> &Map<String, Value> {
        &self.0.members
    }

    /// The reply's body.
    #[must_use]
    pub fn body(&self, request_id: &str) -> Value {
        let inner = &self.0;
        let mut body = Map::new();
        body.insert(
            "type".into(),
            format!("urn:ticket-queue:problem:{}", inner.code.as_str()).into(),
        );
        body.insert("title".into(), inner.code.title().into());
        body.insert("status".into(), inner.code.status().as_u16().into());
        if let Some(detail) = &inner.detail {
            body.insert("detail".into(), detail.as_str().into());
        }
        body.insert("code".into(), inner.code.as_str().into());
        body.insert("requestId".into(), request_id.into());
        if !inner.errors.is_empty() {
            let errors = inner
                .errors
                .iter()
                .map(|e| serde_json::json!({"field": e.field, "message": e.message}));
            body.insert("errors".into(), errors.collect());
        }
        for (name, value) in &inner.members {
            body.insert(name.clone(), value.clone());
        }
        Value::Object(body)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let request_id = crate::context::try_current()
            .map(|context| context.request_id)
            .unwrap_or_default();
        let body = self.body(&request_id).to_string();
        let mut response = (self.0.code.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = self.0.retry_after {
            // Rounded up: a client that comes a fraction of a second early would only be sent away again.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let inner = &self.0;
        write!(
            f,
            "{}: {}",
            inner.code.as_str(),
            inner.detail.as_deref().unwrap_or(inner.code.title())
        )?;
        for error in &inner.errors {
            write!(f, "; {} {}", error.field, error.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        if crate::db::is_unavailable(&error) {
            Self::unavailable("postgresql", &error)
        } else {
            Self::internal(&error)
        }
    }
}

impl From<::redis::RedisError> for Problem {
    fn from(error: ::redis::RedisError) -> Self {
        if crate::redis::is_unavailable(&error) {
            Self::unavailable("redis", &error)
        } else {
            Self::internal(&error)
        }
    }
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        Self::internal(&format!("{error:#}"))
    }
}

/// The shape of an error reply, for the OpenAPI documents.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
#[serde(rename_all = "camelCase")]
pub struct ProblemSchema {
    /// A URN made of the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:ticket-queue:problem:NOT_FOUND")]
    pub problem_type: String,
    /// What the code means.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// More about this occurrence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Stable, for programs.
    #[schema(example = "NOT_FOUND")]
    pub code: String,
    /// The request's id, as in our logs.
    pub request_id: String,
    /// Broken fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<Vec<FieldError>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_carries_code_fields_and_members() {
        let problem = Problem::invalid("seatIds", "at most 4")
            .member("limit", 4)
            .detail("Five were given.");
        let body = problem.body("r-1");
        assert_eq!(body["code"], "VALIDATION_FAILED");
        assert_eq!(body["status"], 400);
        assert_eq!(body["errors"][0]["field"], "seatIds");
        assert_eq!(body["limit"], 4);
        assert_eq!(body["requestId"], "r-1");
    }

    #[test]
    fn waiting_times_are_rounded_up() {
        let response = Problem::new(Code::RateLimited)
            .retry_after(Duration::from_millis(1200))
            .into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }

    #[test]
    fn every_code_parses_back() {
        assert_eq!(Code::parse(Code::SeatUnavailable.as_str()), Some(Code::SeatUnavailable));
        assert_eq!(Code::parse("NO_SUCH_CODE"), None);
    }
}
