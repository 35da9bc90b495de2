use super::LimitClass;
use crate::{observe::RouteMetrics, proxy::Backend};
use http::Method;
use std::sync::Arc;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody; the request has no identity, whatever `Authorization` it carries.
    Public,
    /// Who has a valid access token.
    User,
    /// Whose role is ADMIN.
    Admin,
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The gateway itself.
    Gateway,
    /// A service behind it.
    Backend(Backend),
}

/// The kind of queue token that a route demands, as it stands in Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// `qr_…`, for holding seats.
    Reservation,
    /// `qp_…`, for paying.
    Payment,
}

impl TokenKind {
    /// As it stands in the token's record and in the route table.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Reservation => "RESERVATION",
            Self::Payment => "PAYMENT",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Reservation, Self::Payment]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) access: Access,
    pub(crate) target: Target,
    pub(crate) limit: Arc<LimitClass>,
    pub(crate) queue_token: Option<TokenKind>,
    /// The largest body, in bytes.
    pub(crate) body_limit: u64,
    /// The reply goes on for as long as it likes.
    pub(crate) stream: bool,
    /// A failed call may be repeated, if its body allows it too.
    pub(crate) retry: bool,
    /// Holds the pattern too, which is the route's name.
    pub(crate) metrics: RouteMetrics,
}
