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

/// Of the upload of a poster.
#[derive(IntoResponses)]
pub(super) enum BadPoster {
    /// `VALIDATION_FAILED`: the concert's id is none. `MALFORMED_REQUEST`: the body did not arrive.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(ProblemSchema),
    /// `PAYLOAD_TOO_LARGE`: more than 5 MiB.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemSchema),
    /// `UNSUPPORTED_MEDIA_TYPE`: not an image of these types, or only a part of one.
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

/// Of the change of a concert.
#[derive(IntoResponses)]
pub(super) enum NotChangeable {
    /// `EVENT_LOCKED`: it is cancelled or over; or its hall or prices were to change, and it is on sale or has claims.
    #[response(status = 409, content_type = "application/problem+json")]
    Locked(ProblemSchema),
}

/// Of changes that may name what was there before.
#[derive(IntoResponses)]
pub(super) enum Overtaken {
    /// `PRECONDITION_FAILED`: somebody changed it in between.
    #[response(status = 412, content_type = "application/problem+json")]
    Failed(ProblemSchema),
}

/// Of changes that must name what was there before.
#[derive(IntoResponses)]
pub(super) enum Conditions {
    /// `PRECONDITION_FAILED`: somebody changed it in between.
    #[response(status = 412, content_type = "application/problem+json")]
    Failed(ProblemSchema),
    /// `PRECONDITION_REQUIRED`: `If-Match` is missing, or is `*`.
    #[response(status = 428, content_type = "application/problem+json")]
    Required(ProblemSchema),
}

/// Of the deletion of a concert.
#[derive(IntoResponses)]
pub(super) enum NotDeletable {
    /// `EVENT_LOCKED`: it is or was on sale. `EVENT_HAS_RESERVATIONS`: somebody has a claim on it.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemSchema),
}
