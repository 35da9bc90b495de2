//! Which refusals are right: those that the API promises and that this crowd brings about.

/// Endpoint, status, code, and what brings it about.
const BY_DESIGN: [(&str, u16, &str, &str); 29] = [
    (
        "POST /reservations/hold/{id}/payment-token",
        409,
        "HOLD_EXPIRED",
        "was too slow",
    ),
    (
        "POST /reservations/hold/{id}/payment-token",
        409,
        "RESERVATION_NOT_PENDING",
        "was too slow",
    ),
    (
        "POST /queue/enter",
        409,
        "SOLD_OUT",
        "came after the last seat was sold",
    ),
    ("POST /queue/enter", 409, "QUEUE_FULL", "more came than the line takes"),
    (
        "POST /queue/enter",
        409,
        "ALREADY_QUEUED_ELSEWHERE",
        "still stood in an earlier run's line",
    ),
    ("POST /queue/enter", 429, "RATE_LIMITED", "too many at once"),
    ("GET /queue/status", 429, "RATE_LIMITED", "too many at once"),
    (
        "GET /queue/status",
        404,
        "NOT_QUEUED",
        "the place had ended: silent for too long, or not used in time",
    ),
    ("GET /queue/stream", 404, "NOT_QUEUED", "the place had ended"),
    (
        "POST /reservations/hold",
        409,
        "SEAT_UNAVAILABLE",
        "somebody else was quicker",
    ),
    (
        "POST /reservations/hold",
        409,
        "HOLD_EXISTS",
        "the other tab held other seats",
    ),
    (
        "POST /reservations/hold",
        409,
        "TICKET_LIMIT_EXCEEDED",
        "had bought already",
    ),
    (
        "POST /reservations/hold",
        403,
        "QUEUE_TOKEN_INVALID",
        "the place had ended",
    ),
    ("POST /payments", 409, "HOLD_EXPIRED", "was too slow"),
    ("POST /payments", 409, "RESERVATION_NOT_PENDING", "was too slow"),
    ("POST /payments", 403, "QUEUE_TOKEN_INVALID", "was too slow"),
    ("POST /payments", 409, "PAYMENT_IN_PROGRESS", "the other tab pays"),
    (
        "POST /payments/confirm",
        402,
        "PAYMENT_DECLINED",
        "the card was declined",
    ),
    ("POST /payments/confirm", 409, "HOLD_EXPIRED", "was too slow"),
    ("POST /payments/confirm", 409, "RESERVATION_NOT_PENDING", "was too slow"),
    (
        "POST /payments/confirm",
        409,
        "PAYMENT_NOT_PENDING",
        "the payment had ended with its hold",
    ),
    (
        "POST /payments/confirm",
        409,
        "PAYMENT_IN_PROGRESS",
        "the other tab confirms",
    ),
    ("DELETE /reservations/{id}", 409, "RESERVATION_NOT_PENDING", "had ended"),
    ("DELETE /queue/leave", 429, "RATE_LIMITED", "too many at once"),
    ("GET /reservations/seats/{id}", 429, "RATE_LIMITED", "too many at once"),
    ("POST /reservations/hold", 429, "RATE_LIMITED", "too many at once"),
    ("POST /payments", 429, "RATE_LIMITED", "too many at once"),
    ("GET /events", 429, "RATE_LIMITED", "too many at once"),
    ("GET /events/{id}", 429, "RATE_LIMITED", "too many at once"),
];

/// What brings this reply about, if it is one by design; empty for a success.
#[must_use]
pub(super) fn reason(endpoint: &str, status: u16, code: &str) -> Option<&'static str> {
    if (200..400).contains(&status) {
        return Some("");
    }
    BY_DESIGN
        .iter()
        .find(|row| (row.0, row.1, row.2) == (endpoint, status, code))
        .map(|row| row.3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_never_by_design() {
        assert_eq!(reason("POST /queue/enter", 503, "SERVICE_UNAVAILABLE"), None);
        assert_eq!(reason("GET /queue/status", 0, "UnexpectedEof"), None);
        assert_eq!(reason("GET /queue/status", 401, "TOKEN_EXPIRED"), None);
        assert_eq!(reason("POST /queue/enter", 200, ""), Some(""));
        assert!(reason("POST /reservations/hold", 409, "SEAT_UNAVAILABLE").is_some());
        assert!(BY_DESIGN.iter().all(|row| (400..500).contains(&row.1)));
    }
}
