//! The error replies of the endpoints, for the OpenAPI document.

#![expect(
    dead_code,
    reason = "these exist for their derived documentation, handlers return Problem"
)]

use common::problem::ProblemSchema;
pub(super) use common::replies::{BadBody, BadParameters, Failures, Forbidden, Unauthenticated};
use utoipa::IntoResponses;

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
