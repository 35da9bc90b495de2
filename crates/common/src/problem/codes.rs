//! The table of codes: what clients branch on.

use http::StatusCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:ident, $title:literal;)*) => {
        /// The stable codes of `design.md` §2 and §3. Clients branch on these, so one is never renamed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// The code as it stands in a reply.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The HTTP status it comes with.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// What it means, for people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// The code of that text, if it is one of ours.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }
        }
    };
}

codes! {
    /// A field breaks its rule; `errors` says which.
    ValidationFailed = "VALIDATION_FAILED", BAD_REQUEST, "A field is not valid";
    /// The request is not the JSON, query or path that the endpoint takes.
    MalformedRequest = "MALFORMED_REQUEST", BAD_REQUEST, "The request cannot be read";
    /// The captcha was not passed.
    CaptchaFailed = "CAPTCHA_FAILED", BAD_REQUEST, "The captcha was not passed";
    /// The identity verification is missing, old, used, or of another person.
    IdentityNotVerified = "IDENTITY_NOT_VERIFIED", BAD_REQUEST, "The identity is not verified";
    /// The state of a social login is unknown, old, used, or of another browser, provider or user.
    OauthStateInvalid = "OAUTH_STATE_INVALID", BAD_REQUEST, "The social login must be begun again";
    /// The person did not agree at the provider.
    OauthDenied = "OAUTH_DENIED", BAD_REQUEST, "The social login was not agreed to";
    /// The provider does not take the authorisation code.
    OauthCodeInvalid = "OAUTH_CODE_INVALID", BAD_REQUEST, "The provider does not accept the code";
    /// A required agreement is missing.
    TermsNotAgreed = "TERMS_NOT_AGREED", BAD_REQUEST, "The required terms are not agreed to";
    /// The password is too weak or too long.
    WeakPassword = "WEAK_PASSWORD", BAD_REQUEST, "The password does not meet the rules";
    /// No usable access token.
    Unauthenticated = "UNAUTHENTICATED", UNAUTHORIZED, "Authentication is required";
    /// The access token has expired.
    TokenExpired = "TOKEN_EXPIRED", UNAUTHORIZED, "The access token has expired";
    /// The access token's session has ended.
    TokenRevoked = "TOKEN_REVOKED", UNAUTHORIZED, "The session has ended";
    /// Email or password is wrong.
    InvalidCredentials = "INVALID_CREDENTIALS", UNAUTHORIZED, "Email or password is wrong";
    /// The refresh token is unknown, expired or just rotated.
    RefreshTokenInvalid = "REFRESH_TOKEN_INVALID", UNAUTHORIZED, "The refresh token is not valid";
    /// An old refresh token was presented again; its family is revoked.
    RefreshTokenReused = "REFRESH_TOKEN_REUSED", UNAUTHORIZED, "The refresh token was used before; the session has ended";
    /// The token of a social sign-up is unknown, expired or used.
    SignupTokenInvalid = "SIGNUP_TOKEN_INVALID", UNAUTHORIZED, "The sign-up token is not valid";
    /// The webhook's signature is missing, wrong or old.
    SignatureInvalid = "SIGNATURE_INVALID", UNAUTHORIZED, "The signature is not valid";
    /// The card was declined.
    PaymentDeclined = "PAYMENT_DECLINED", PAYMENT_REQUIRED, "The payment was declined";
    /// The user may not do this.
    Forbidden = "FORBIDDEN", FORBIDDEN, "This is not allowed";
    /// `X-Queue-Token` is missing.
    QueueTokenRequired = "QUEUE_TOKEN_REQUIRED", FORBIDDEN, "A queue token is required";
    /// `X-Queue-Token` is unknown, expired, or of another user, event or kind.
    QueueTokenInvalid = "QUEUE_TOKEN_INVALID", FORBIDDEN, "The queue token is not valid";
    /// The account sleeps after a year without login.
    AccountDormant = "ACCOUNT_DORMANT", FORBIDDEN, "The account is dormant";
    /// The account was deleted.
    AccountDeleted = "ACCOUNT_DELETED", FORBIDDEN, "The account was deleted";
    /// There is no such thing, or it is another user's.
    NotFound = "NOT_FOUND", NOT_FOUND, "Not found";
    /// The user is not in the queue.
    NotQueued = "NOT_QUEUED", NOT_FOUND, "Not in the queue";
    /// There is no such event.
    EventNotFound = "EVENT_NOT_FOUND", NOT_FOUND, "There is no such event";
    /// The path exists, the method does not.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", METHOD_NOT_ALLOWED, "The method is not allowed here";
    /// The email is registered.
    EmailTaken = "EMAIL_TAKEN", CONFLICT, "The email is already registered";
    /// The person has an account.
    IdentityTaken = "IDENTITY_TAKEN", CONFLICT, "This person already has an account";
    /// The social account signs somebody else in.
    SocialAccountTaken = "SOCIAL_ACCOUNT_TAKEN", CONFLICT, "The social account belongs to another user";
    /// Without it nobody could sign in to the account.
    LastSignInMethod = "LAST_SIGN_IN_METHOD", CONFLICT, "It is the last way to sign in";
    /// The event is on sale, so this can no longer change.
    EventLocked = "EVENT_LOCKED", CONFLICT, "The event can no longer be changed";
    /// Reservations exist.
    EventHasReservations = "EVENT_HAS_RESERVATIONS", CONFLICT, "The event has reservations";
    /// The venue or hall is in use.
    InUse = "IN_USE", CONFLICT, "It is in use";
    /// The same thing exists already.
    AlreadyExists = "ALREADY_EXISTS", CONFLICT, "It exists already";
    /// The user waits for another event.
    AlreadyQueuedElsewhere = "ALREADY_QUEUED_ELSEWHERE", CONFLICT, "Already queued for another event";
    /// The queue is at its capacity.
    QueueFull = "QUEUE_FULL", CONFLICT, "The queue is full";
    /// The sale has not begun.
    SaleNotOpen = "SALE_NOT_OPEN", CONFLICT, "The sale has not begun";
    /// The sale is over.
    SaleClosed = "SALE_CLOSED", CONFLICT, "The sale is over";
    /// No seat is left.
    SoldOut = "SOLD_OUT", CONFLICT, "No seat is left";
    /// A seat is held or sold.
    SeatUnavailable = "SEAT_UNAVAILABLE", CONFLICT, "A seat is no longer available";
    /// More tickets than one booking or one user may have.
    TicketLimitExceeded = "TICKET_LIMIT_EXCEEDED", CONFLICT, "Too many tickets";
    /// The hold is over.
    HoldExpired = "HOLD_EXPIRED", CONFLICT, "The hold has expired";
    /// The user holds other seats of this event.
    HoldExists = "HOLD_EXISTS", CONFLICT, "There is a hold for this event already";
    /// The reservation is confirmed or cancelled.
    ReservationNotPending = "RESERVATION_NOT_PENDING", CONFLICT, "The reservation is not pending";
    /// A payment runs.
    PaymentInProgress = "PAYMENT_IN_PROGRESS", CONFLICT, "A payment is in progress";
    /// It is the day of the event.
    CancellationClosed = "CANCELLATION_CLOSED", CONFLICT, "Cancellation is closed";
    /// The client's amount differs from the reservation's.
    AmountMismatch = "AMOUNT_MISMATCH", CONFLICT, "The amount differs from the reservation's";
    /// The payment key belongs to another payment.
    PaymentKeyReused = "PAYMENT_KEY_REUSED", CONFLICT, "The payment key was used for another payment";
    /// The payment has ended.
    PaymentNotPending = "PAYMENT_NOT_PENDING", CONFLICT, "The payment is not pending";
    /// The first request with this key still runs.
    IdempotencyInFlight = "IDEMPOTENCY_IN_FLIGHT", CONFLICT, "The same request is still running";
    /// Someone changed it in between.
    PreconditionFailed = "PRECONDITION_FAILED", PRECONDITION_FAILED, "It was changed in between";
    /// A request's head has too many fields, or too much in them.
    HeadTooLarge = "HEAD_TOO_LARGE", REQUEST_HEADER_FIELDS_TOO_LARGE, "The request's head is too large";
    /// The body is too large.
    PayloadTooLarge = "PAYLOAD_TOO_LARGE", PAYLOAD_TOO_LARGE, "The body is too large";
    /// The content type is not the endpoint's.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", UNSUPPORTED_MEDIA_TYPE, "The content type is not supported";
    /// The key came with another body before.
    IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED", UNPROCESSABLE_ENTITY, "The idempotency key was used for another request";
    /// The account is locked.
    AccountLocked = "ACCOUNT_LOCKED", LOCKED, "The account is locked";
    /// `If-Match` is missing.
    PreconditionRequired = "PRECONDITION_REQUIRED", PRECONDITION_REQUIRED, "If-Match is required";
    /// Too many requests.
    RateLimited = "RATE_LIMITED", TOO_MANY_REQUESTS, "Too many requests";
    /// Our fault.
    Internal = "INTERNAL", INTERNAL_SERVER_ERROR, "Something went wrong";
    /// A service or provider failed.
    UpstreamFailed = "UPSTREAM_FAILED", BAD_GATEWAY, "A service behind this one failed";
    /// A dependency is down or its circuit open.
    ServiceUnavailable = "SERVICE_UNAVAILABLE", SERVICE_UNAVAILABLE, "Not available right now";
    /// A service behind this one took too long.
    UpstreamTimeout = "UPSTREAM_TIMEOUT", GATEWAY_TIMEOUT, "A service behind this one took too long";
}
