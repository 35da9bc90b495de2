//! Errors as `application/problem+json` (RFC 9457) with our members `code`, `requestId` and `errors` (`design.md` §2).

mod codes;

pub use codes::Code;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::time::Duration;
use utoipa::ToSchema;

/// What a handler returns.
pub type ApiResult<T> = Result<T, Problem>;

/// How long clients are asked to wait when a dependency is down.
const DEPENDENCY_RETRY: Duration = Duration::from_secs(5);
/// And when somebody else was faster: what they lost against is over by then.
const CONFLICT_RETRY: Duration = Duration::from_secs(1);

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
        if matches!(error, sqlx::Error::PoolTimedOut) {
            metrics::counter!("db_pool_timeouts_total").increment(1);
        }
        if crate::db::is_unavailable(&error) {
            Self::unavailable("postgresql", &error)
        } else if crate::db::is_conflict(&error) {
            tracing::warn!(error.message = %error, "a transaction lost against another one; the client may come again");
            Self::new(Code::ServiceUnavailable).retry_after(CONFLICT_RETRY)
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
