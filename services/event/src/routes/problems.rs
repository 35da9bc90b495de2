//! The error replies of the endpoints, for the OpenAPI document.

#![expect(
    dead_code,
    reason = "these exist for their derived documentation, handlers return Problem"
)]

use common::problem::ProblemSchema;
pub(super) use common::replies::{BadParameters, Failures, Missing, Unauthenticated};
use utoipa::IntoResponses;

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

/// Of endpoints with which administrators change something.
#[derive(IntoResponses)]
pub(super) enum ChangeRefusals {
    /// `VALIDATION_FAILED` with the fields, or `MALFORMED_REQUEST`.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(ProblemSchema),
    /// `PAYLOAD_TOO_LARGE`.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemSchema),
    /// `UNSUPPORTED_MEDIA_TYPE`.
    #[response(status = 415, content_type = "application/problem+json")]
    WrongType(ProblemSchema),
}

/// Of a venue or hall that concerts need as it is.
#[derive(IntoResponses)]
pub(super) enum Needed {
    /// `IN_USE`: a concert takes place there.
    #[response(status = 409, content_type = "application/problem+json")]
    InUse(ProblemSchema),
}

/// Of endpoints for administrators.
#[derive(IntoResponses)]
pub(super) enum AdministratorsOnly {
    /// `UNAUTHENTICATED`.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(ProblemSchema),
    /// `FORBIDDEN`: not an administrator.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemSchema),
}

/// Of the deletion of a concert.
#[derive(IntoResponses)]
pub(super) enum NotDeletable {
    /// `EVENT_LOCKED`: it is or was on sale. `EVENT_HAS_RESERVATIONS`: somebody has a claim on it.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemSchema),
}
