use crate::state::App;
use axum::extract::{FromRequest, Request, State};
use common::{
    extract::{Body, Json, header_text},
    identity::User,
    problem::{ApiResult, Code, Problem, ProblemSchema},
};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use utoipa::ToSchema;

/// The refresh token to end with the session.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LogoutRequest {
    refresh_token: Option<String>,
}

/// A body that may be left out altogether.
pub(crate) struct OptionalBody(LogoutRequest);

impl<S: Send + Sync> FromRequest<S> for OptionalBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        // Read before its type is looked at: only then is it sure that there is none.
        let Body(body) = Body::from_request(Request::from_parts(parts.clone(), body), state).await?;
        if body.is_empty() {
            return Ok(Self(LogoutRequest::default()));
        }
        let Json(body) = Json::from_request(Request::from_parts(parts, body.into()), state).await?;
        Ok(Self(body))
    }
}

/// Ends the session: its refresh tokens are dead and its access tokens blacklisted.
#[utoipa::path(
    post, path = "/auth/logout", tag = "auth",
    request_body = Option<LogoutRequest>,
    security(("bearer" = [])),
    responses(
        (status = 204),
        (status = 400, body = ProblemSchema), (status = 401, body = ProblemSchema),
        (status = 413, body = ProblemSchema), (status = 415, body = ProblemSchema),
        (status = 429, body = ProblemSchema), (status = 503, body = ProblemSchema),
    )
)]
pub(crate) async fn logout(
    State(app): State<App>,
    _: User,
    headers: HeaderMap,
    OptionalBody(request): OptionalBody,
) -> ApiResult<StatusCode> {
    let token = header_text(&headers, header::AUTHORIZATION.as_str())
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| Problem::new(Code::Unauthenticated))?;
    app.sessions
        .end(&app.db, &app.redis, token, request.refresh_token.as_deref())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
