//! The error replies of the endpoints, for the OpenAPI document.

#![expect(
    dead_code,
    reason = "these exist for their derived documentation, handlers return Problem"
)]

use common::problem::ProblemSchema;
pub(super) use common::replies::{BadBody, BadParameters, Failures, Forbidden, Missing, Unauthenticated};
use utoipa::IntoResponses;

/// Of beginning a payment.
#[derive(IntoResponses)]
pub(super) enum CreateRefusals {
    /// `QUEUE_TOKEN_REQUIRED` or `QUEUE_TOKEN_INVALID`.
    #[response(status = 403, content_type = "application/problem+json")]
    QueueToken(#[to_schema] ProblemSchema),
    /// `PAYMENT_KEY_REUSED`, `PAYMENT_IN_PROGRESS`, `AMOUNT_MISMATCH`, `HOLD_EXPIRED` or `RESERVATION_NOT_PENDING`.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(#[to_schema] ProblemSchema),
    /// `UPSTREAM_FAILED`: PortOne refuses the payment.
    #[response(status = 502, content_type = "application/problem+json")]
    Upstream(#[to_schema] ProblemSchema),
}

/// Of confirming a payment. Each says with `charged` whether money moved.
#[derive(IntoResponses)]
pub(super) enum ConfirmRefusals {
    /// `PAYMENT_DECLINED`.
    #[response(status = 402, content_type = "application/problem+json")]
    Declined(#[to_schema] ProblemSchema),
    /// `PAYMENT_NOT_PENDING`, `HOLD_EXPIRED`, `RESERVATION_NOT_PENDING`, `AMOUNT_MISMATCH` or `PAYMENT_IN_PROGRESS`.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(#[to_schema] ProblemSchema),
    /// `UPSTREAM_FAILED`: PortOne took something else than was asked for; it is refunded.
    #[response(status = 502, content_type = "application/problem+json")]
    Upstream(#[to_schema] ProblemSchema),
}

/// Of PortOne's webhook.
#[derive(IntoResponses)]
pub(super) enum WebhookRefusals {
    /// `MALFORMED_REQUEST` or `VALIDATION_FAILED`: signed, but not a webhook.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(#[to_schema] ProblemSchema),
    /// `SIGNATURE_INVALID`: missing, wrong or too old.
    #[response(status = 401, content_type = "application/problem+json")]
    Signature(#[to_schema] ProblemSchema),
    /// `PAYLOAD_TOO_LARGE`.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] ProblemSchema),
    /// `INTERNAL`.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(#[to_schema] ProblemSchema),
    /// `SERVICE_UNAVAILABLE`: it could not be stored; PortOne sends it again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] ProblemSchema),
}
