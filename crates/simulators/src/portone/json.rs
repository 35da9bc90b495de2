use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use super::PortoneError;

/// A JSON body, refused in PortOne's words. Fields PortOne does not have are refused as well: a misspelt optional field
/// would otherwise be a check that silently does not happen.
pub(crate) struct PortoneJson<T>(pub(crate) T);

impl<T, S> FromRequest<S> for PortoneJson<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = PortoneError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|error| PortoneError::InvalidRequest(error.body_text()))?;
        serde_json::from_slice(&body)
            .map(Self)
            .map_err(|error| PortoneError::InvalidRequest(error.to_string()))
    }
}
