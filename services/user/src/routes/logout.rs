use super::bearer;
use crate::state::App;
use axum::extract::State;
use common::{
    extract::OptionalJson,
    identity::User,
    problem::{ApiResult, ProblemSchema},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

/// The refresh token to end with the session.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LogoutRequest {
    refresh_token: Option<String>,
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
    OptionalJson(request): OptionalJson<LogoutRequest>,
) -> ApiResult<StatusCode> {
    app.sessions
        .log_out(bearer(&headers)?, request.refresh_token.as_deref())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
