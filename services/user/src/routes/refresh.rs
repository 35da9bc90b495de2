use crate::{sessions::TokenPair, state::App};
use axum::extract::State;
use common::{
    extract::Json,
    problem::{ApiResult, ProblemSchema},
};
use serde::Deserialize;
use utoipa::ToSchema;

/// A refresh token to be replaced.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RefreshRequest {
    refresh_token: String,
}

/// Gives a new pair for a refresh token, which is used up by that.
#[utoipa::path(
    post, path = "/auth/refresh", tag = "auth",
    request_body = RefreshRequest,
    responses(
        (status = 200, body = TokenPair),
        (status = 400, body = ProblemSchema),
        (status = 401, description = "REFRESH_TOKEN_INVALID, REFRESH_TOKEN_REUSED", body = ProblemSchema),
        (status = 413, body = ProblemSchema), (status = 415, body = ProblemSchema),
        (status = 429, body = ProblemSchema), (status = 503, body = ProblemSchema),
    )
)]
pub(crate) async fn refresh(State(app): State<App>, Json(request): Json<RefreshRequest>) -> ApiResult<Json<TokenPair>> {
    Ok(Json(app.sessions.rotate(&request.refresh_token).await?))
}
