//! The error replies that endpoints have in common, for the OpenAPI document.

#![expect(
    dead_code,
    reason = "these exist for their derived documentation, handlers return Problem"
)]

use common::problem::ProblemSchema;
use utoipa::IntoResponses;

/// Of every endpoint.
#[derive(IntoResponses)]
pub(super) enum Failures {
    /// `UNAUTHENTICATED`.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(#[to_schema] ProblemSchema),
    /// `INTERNAL`.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(#[to_schema] ProblemSchema),
    /// `SERVICE_UNAVAILABLE`: a dependency is down; come again after `Retry-After`.
    #[response(status = 503, content_type = "application/problem+json", headers(("Retry-After" = u64)))]
    Unavailable(#[to_schema] ProblemSchema),
}

/// Of endpoints with parameters.
#[derive(IntoResponses)]
pub(super) enum BadParameters {
    /// `VALIDATION_FAILED`: a parameter is not valid.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(#[to_schema] ProblemSchema),
}

/// Of endpoints with a body.
#[derive(IntoResponses)]
pub(super) enum BadBody {
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

/// Of endpoints for administrators about an event.
#[derive(IntoResponses)]
pub(super) enum AdminRefusals {
    /// `FORBIDDEN`: not an administrator.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] ProblemSchema),
    /// `EVENT_NOT_FOUND`.
    #[response(status = 404, content_type = "application/problem+json")]
    NoEvent(#[to_schema] ProblemSchema),
}
