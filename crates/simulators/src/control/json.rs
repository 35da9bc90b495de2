use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

/// A JSON body of a control call. No body at all counts as `{}`, which spares the hand that types it.
pub(crate) struct ControlJson<T>(pub(crate) T);

/// A control call that makes no sense: 400 with what is wrong.
pub(crate) struct BadControl(pub(crate) String);

impl IntoResponse for BadControl {
    fn into_response(self) -> Response {
        (
            StatusCode::BAD_REQUEST,
            Json(serde_json::json!({ "code": "BadControl", "message": self.0 })),
        )
            .into_response()
    }
}

impl<T, S> FromRequest<S> for ControlJson<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = BadControl;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|error| BadControl(error.body_text()))?;
        let body: &[u8] = if body.is_empty() { b"{}" } else { &body };
        serde_json::from_slice(body)
            .map(Self)
            .map_err(|error| BadControl(error.to_string()))
    }
}
