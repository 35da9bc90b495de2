//! The access token (`design.md` §3.1, §11): HS256 only, with issuer, audience, type and end. Whether its session was ended
//! in the meantime is asked of Redis together with everything else that is.

use common::{
    crypto,
    identity::User,
    jwt::{Claims, TokenError},
    problem::{Code, Problem},
};
use http::{HeaderMap, HeaderValue, header};
use std::sync::Arc;
use uuid::Uuid;

use super::known_tokens::KnownTokens;
use crate::refusal::Refusal;

/// Longer ones are not ours, and need not be hashed.
const MAX_TOKEN_BYTES: usize = 4096;

/// Who a valid token speaks for.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) user: User,
    /// The session that the token belongs to; ended as a whole.
    pub(crate) sid: Uuid,
    /// How the token is named in the blacklist.
    pub(crate) token_sha256: String,
}

/// Why a request has no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unauthenticated {
    /// It carries no token.
    NoToken,
    /// It carries one that is not good, which counts against its address.
    BadToken(TokenError),
}

/// The session of a request.
///
/// # Errors
/// [`Unauthenticated`].
pub(crate) fn session(headers: &HeaderMap, tokens: &KnownTokens) -> Result<Arc<Session>, Unauthenticated> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Unauthenticated::NoToken)?;
    // With two values, a service could take the one that was not checked.
    let token = if values.next().is_some() { None } else { bearer(value) };
    let token = token.ok_or(Unauthenticated::BadToken(TokenError::Invalid))?;
    tokens.session(token).map_err(Unauthenticated::BadToken)
}

impl Session {
    /// The session of a verified token.
    pub(super) fn new(claims: &Claims, token: &str) -> Self {
        Self {
            user: User {
                id: claims.sub,
                role: claims.role,
            },
            sid: claims.sid,
            token_sha256: crypto::sha256_hex(token.as_bytes()),
        }
    }
}

/// The token behind the scheme's name, which has no case.
pub(crate) fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked("bearer".len())?;
    let mut token = token.strip_prefix(b" ")?;
    while let [b' ', rest @ ..] | [rest @ .., b' '] = token {
        token = rest;
    }
    (scheme.eq_ignore_ascii_case(b"bearer") && (1..=MAX_TOKEN_BYTES).contains(&token.len())).then_some(token)
}

impl From<Unauthenticated> for Refusal {
    fn from(reason: Unauthenticated) -> Self {
        let (problem, challenge) = match reason {
            Unauthenticated::NoToken => (Problem::new(Code::Unauthenticated), "Bearer"),
            Unauthenticated::BadToken(TokenError::Expired) => {
                (Problem::new(Code::TokenExpired), "Bearer error=\"invalid_token\"")
            }
            Unauthenticated::BadToken(TokenError::Invalid) => (
                Problem::new(Code::Unauthenticated).detail("The access token is not valid."),
                "Bearer error=\"invalid_token\"",
            ),
        };
        Self::from(problem).with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }
}

/// The refusal of a token whose session has ended.
pub(crate) fn revoked() -> Refusal {
    Refusal::from(Code::TokenRevoked).with_header(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Bearer error=\"invalid_token\""),
    )
}
