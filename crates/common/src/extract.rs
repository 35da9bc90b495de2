//! Extractors like axum's whose refusals are problems (`design.md` §2).

use crate::problem::{Code, Problem};
use axum::{
    extract::{FromRequest, FromRequestParts, Request, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{StatusCode, header, request::Parts};
use serde::{Serialize, de::DeserializeOwned};

/// A JSON body, both ways. A request's must be `application/json` and hold the fields of `T` only.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(&request) {
            return Err(Problem::new(Code::UnsupportedMediaType).detail("The body must be application/json."));
        }
        let body = Body::from_request(request, state).await?.0;
        parse_json(&body).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// A JSON body that may be left out altogether: then it is the default.
#[derive(Clone, Copy, Debug)]
pub struct OptionalJson<T>(pub T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        // Read before its type is looked at: only then is it sure that there is none.
        let Body(body) = Body::from_request(Request::from_parts(parts.clone(), body), state).await?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        let Json(body) = Json::from_request(Request::from_parts(parts, body.into()), state).await?;
        Ok(Self(body))
    }
}

/// Reads JSON into `T`.
///
/// # Errors
/// 400 `MALFORMED_REQUEST` when it is not JSON at all, 400 `VALIDATION_FAILED` naming the field when it has another shape.
pub fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let field = error.path().to_string();
        let inner = error.into_inner();
        if inner.is_data() {
            Problem::invalid(field, without_position(&inner.to_string()))
        } else {
            Problem::new(Code::MalformedRequest).detail("The body is not valid JSON.")
        }
    })?;
    deserializer
        .end()
        .map_err(|_| Problem::new(Code::MalformedRequest).detail("Something follows the JSON value."))?;
    Ok(value)
}

/// A raw body within the limit of the route.
#[derive(Clone, Debug)]
pub struct Body(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Bytes::from_request(request, state)
            .await
            .map(Self)
            .map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Code::PayloadTooLarge),
                _ => Problem::new(Code::MalformedRequest).detail("The body could not be read."),
            })
    }
}

/// The query string.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        axum::extract::Query::<T>::try_from_uri(&parts.uri)
            .map(|query| Self(query.0))
            .map_err(|rejection| {
                let text = rejection.body_text();
                let message = text
                    .strip_prefix("Failed to deserialize query string: ")
                    .unwrap_or(&text);
                match message.split_once(": ") {
                    Some((field, message)) => Problem::invalid(field, message),
                    None => Problem::invalid("query", message),
                }
            })
    }
}

/// The parameters of the path.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(path) => Ok(Self(path.0)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => {
                Err(Problem::invalid("path", error.body_text()))
            }
            Err(error) => Err(Problem::internal(&error)),
        }
    }
}

/// The header's text, if it is there and visible ASCII.
#[must_use]
pub fn header_text<'a>(headers: &'a http::HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn is_json(request: &Request) -> bool {
    let Some(content_type) = header_text(request.headers(), header::CONTENT_TYPE.as_str()) else {
        return false;
    };
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// serde_json ends its messages with "at line 1 column 2", which says nothing to who sees the field's path.
fn without_position(message: &str) -> &str {
    message.rsplit_once(" at line ").map_or(message, |(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Hold {
        #[expect(dead_code, reason = "only its parsing is tested")]
        seat_ids: Vec<uuid::Uuid>,
    }

    #[test]
    fn a_wrong_type_names_its_field() {
        let problem = parse_json::<Hold>(br#"{"seatIds": ["x"]}"#).unwrap_err();
        assert_eq!(problem.code(), Code::ValidationFailed);
        assert_eq!(problem.body("")["errors"][0]["field"], "seatIds[0]");
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let problem = parse_json::<Hold>(br#"{"seatIds": [], "amount": 1}"#).unwrap_err();
        assert_eq!(problem.code(), Code::ValidationFailed);
    }

    #[test]
    fn broken_json_and_trailing_text_are_malformed() {
        for body in [&b"{"[..], b"", b"{\"seatIds\": []} x"] {
            assert_eq!(parse_json::<Hold>(body).unwrap_err().code(), Code::MalformedRequest);
        }
    }
}
