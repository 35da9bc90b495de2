use axum::response::{IntoResponse, Response};
use common::{
    extract::Json,
    problem::{ApiResult, Problem},
};
use http::{HeaderValue, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};

/// 201 with where the new thing is.
pub(crate) struct Created<T> {
    location: String,
    etag: Option<HeaderValue>,
    body: T,
}

impl<T> Created<T> {
    /// The answer about a thing just made.
    pub(super) fn new(body: T, location: impl FnOnce(&T) -> String) -> Self {
        Self {
            location: location(&body),
            etag: None,
            body,
        }
    }

    /// The answer with the tag of what was made.
    pub(super) fn tagged(mut self, etag: impl FnOnce(&T) -> String) -> Self {
        self.etag = HeaderValue::try_from(etag(&self.body)).ok();
        self
    }
}

impl<T: DeserializeOwned> Created<T> {
    /// The first answer again, as it was kept with the idempotency key.
    pub(super) fn replay(body: serde_json::Value, location: impl FnOnce(&T) -> String) -> ApiResult<Self> {
        let body = serde_json::from_value(body).map_err(|error| Problem::internal(&error))?;
        Ok(Self::new(body, location))
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = (
            StatusCode::CREATED,
            [(header::LOCATION, self.location)],
            Json(self.body),
        )
            .into_response();
        if let Some(etag) = self.etag {
            response.headers_mut().insert(header::ETAG, etag);
        }
        response
    }
}
