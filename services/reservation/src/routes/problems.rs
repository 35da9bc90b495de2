//! The error replies of the endpoints, for the OpenAPI document.

#![expect(
    dead_code,
    reason = "these exist for their derived documentation, handlers return Problem"
)]

use common::problem::ProblemSchema;
pub(super) use common::replies::{BadBody, BadParameters, Failures, Forbidden, Missing, Unauthenticated};
use utoipa::IntoResponses;

/// Of endpoints about one event.
#[derive(IntoResponses)]
pub(super) enum MissingEvent {
    /// `EVENT_NOT_FOUND`.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] ProblemSchema),
}

/// Of the hold.
#[derive(IntoResponses)]
pub(super) enum HoldProblems {
    /// `VALIDATION_FAILED` with the fields, or `MALFORMED_REQUEST`.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(#[to_schema] ProblemSchema),
    /// `QUEUE_TOKEN_REQUIRED`, `QUEUE_TOKEN_INVALID`.
    #[response(status = 403, content_type = "application/problem+json")]
    Token(#[to_schema] ProblemSchema),
    /// `SEAT_UNAVAILABLE` with `seatIds`, `TICKET_LIMIT_EXCEEDED` with `limit`, `HOLD_EXISTS` with `reservationId`,
    /// `SALE_NOT_OPEN` with `saleStartAt` and `serverTime`, `SALE_CLOSED`, `IDEMPOTENCY_IN_FLIGHT`.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(#[to_schema] ProblemSchema),
    /// `PAYLOAD_TOO_LARGE`.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] ProblemSchema),
    /// `UNSUPPORTED_MEDIA_TYPE`.
    #[response(status = 415, content_type = "application/problem+json")]
    WrongType(#[to_schema] ProblemSchema),
    /// `IDEMPOTENCY_KEY_REUSED`: the key came with another body before.
    #[response(status = 422, content_type = "application/problem+json")]
    KeyReused(#[to_schema] ProblemSchema),
}

/// Of the swap.
#[derive(IntoResponses)]
pub(super) enum ChangeProblems {
    /// `SEAT_UNAVAILABLE` with `seatIds`, `TICKET_LIMIT_EXCEEDED` with `limit`, `HOLD_EXPIRED`, `PAYMENT_IN_PROGRESS`,
    /// `RESERVATION_NOT_PENDING`, `SALE_CLOSED`, and `SALE_NOT_OPEN` if the sale was moved after the hold.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(#[to_schema] ProblemSchema),
}

/// Of endpoints that end or pay a hold.
#[derive(IntoResponses)]
pub(super) enum HoldOver {
    /// `RESERVATION_NOT_PENDING`, `HOLD_EXPIRED`, `PAYMENT_IN_PROGRESS`.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(#[to_schema] ProblemSchema),
}

/// Of the cancellation.
#[derive(IntoResponses)]
pub(super) enum NotCancellable {
    /// `CANCELLATION_CLOSED`, `PAYMENT_IN_PROGRESS`.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(#[to_schema] ProblemSchema),
}
