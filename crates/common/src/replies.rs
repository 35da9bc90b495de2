//! The error replies that endpoints of several services have in common, for the OpenAPI documents: an endpoint lists them
//! among its `responses`. A service keeps those that are its own beside its routes.

use crate::problem::ProblemSchema;
use utoipa::IntoResponses;

/// Of every endpoint.
#[derive(IntoResponses)]
pub enum Failures {
    /// `INTERNAL`.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(#[to_schema] ProblemSchema),
    /// `SERVICE_UNAVAILABLE`: a dependency is down; come again after `Retry-After`.
    #[response(status = 503, content_type = "application/problem+json", headers(("Retry-After" = u64)))]
    Unavailable(#[to_schema] ProblemSchema),
}

/// Of endpoints for signed-in users.
#[derive(IntoResponses)]
pub enum Unauthenticated {
    /// `UNAUTHENTICATED`, `TOKEN_EXPIRED`, `TOKEN_REVOKED`.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(#[to_schema] ProblemSchema),
}

/// Of endpoints for administrators.
#[derive(IntoResponses)]
pub enum Forbidden {
    /// `FORBIDDEN`: not an administrator.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] ProblemSchema),
}

/// Of endpoints with parameters.
#[derive(IntoResponses)]
pub enum BadParameters {
    /// `VALIDATION_FAILED`: a parameter is not valid.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(#[to_schema] ProblemSchema),
}

/// Of endpoints that take JSON.
#[derive(IntoResponses)]
pub enum BadBody {
    /// `VALIDATION_FAILED` with the fields, or `MALFORMED_REQUEST`.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(#[to_schema] ProblemSchema),
    /// `PAYLOAD_TOO_LARGE`.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] ProblemSchema),
    /// `UNSUPPORTED_MEDIA_TYPE`.
    #[response(status = 415, content_type = "application/problem+json")]
    WrongType(#[to_schema] ProblemSchema),
}

/// Of endpoints that name something.
#[derive(IntoResponses)]
pub enum Missing {
    /// `NOT_FOUND`: there is no such thing, or it is another user's.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] ProblemSchema),
}
