//! Whom the verified request speaks for. These extractors read what [`crate::internal_auth`] verified and put there; without
//! it they refuse, so a route that forgot its guard is closed, not open.

use crate::problem::{Code, Problem};
use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What an account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Role {
    /// Buys tickets.
    User,
    /// Runs events, queues and accounts.
    Admin,
}

impl Role {
    /// As it stands in headers, tokens and rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "USER",
            Self::Admin => "ADMIN",
        }
    }

    /// The role of that text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "USER" => Some(Self::User),
            "ADMIN" => Some(Self::Admin),
            _ => None,
        }
    }
}

/// The identity headers as the internal credential vouches for them; `None` on public routes without a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedIdentity {
    /// The signed-in user, if any.
    pub user: Option<User>,
}

/// A signed-in user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// The account.
    pub id: Uuid,
    /// What it may do.
    pub role: Role,
}

/// A signed-in administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admin {
    /// The account.
    pub id: Uuid,
}

impl<S: Send + Sync> FromRequestParts<S> for User {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<VerifiedIdentity>()
            .and_then(|identity| identity.user)
            .ok_or_else(|| Problem::new(Code::Unauthenticated))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let user = User::from_request_parts(parts, state).await?;
        match user.role {
            Role::Admin => Ok(Self { id: user.id }),
            Role::User => Err(Problem::new(Code::Forbidden)),
        }
    }
}
