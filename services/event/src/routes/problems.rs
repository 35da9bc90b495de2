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
    /// `INTERNAL`.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(ProblemSchema),
    /// `SERVICE_UNAVAILABLE`: a dependency is down; come again after `Retry-After`.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemSchema),
}

/// Of endpoints with parameters.
#[derive(IntoResponses)]
pub(super) enum BadParameters {
    /// `VALIDATION_FAILED`: a parameter is not valid.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(ProblemSchema),
}

/// Of endpoints that name something in their path.
#[derive(IntoResponses)]
pub(super) enum Missing {
    /// `NOT_FOUND`.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemSchema),
}

/// Of endpoints for signed-in users.
#[derive(IntoResponses)]
pub(super) enum Unauthenticated {
    /// `UNAUTHENTICATED`.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(ProblemSchema),
}

/// Of endpoints with which administrators make something.
#[derive(IntoResponses)]
pub(super) enum Refusals {
    /// `VALIDATION_FAILED` with the fields, or `MALFORMED_REQUEST`.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(ProblemSchema),
    /// `UNAUTHENTICATED`.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(ProblemSchema),
    /// `FORBIDDEN`: not an administrator.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemSchema),
    /// `IDEMPOTENCY_IN_FLIGHT`: the first request with this key still runs.
    #[response(status = 409, content_type = "application/problem+json")]
    InFlight(ProblemSchema),
    /// `PAYLOAD_TOO_LARGE`.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemSchema),
    /// `UNSUPPORTED_MEDIA_TYPE`.
    #[response(status = 415, content_type = "application/problem+json")]
    WrongType(ProblemSchema),
    /// `IDEMPOTENCY_KEY_REUSED`: the key came with another body before.
    #[response(status = 422, content_type = "application/problem+json")]
    KeyReused(ProblemSchema),
}
