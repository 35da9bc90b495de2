use crate::{login_states::Challenge, providers::social::SocialProvider, state::App};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use common::{
    extract::{Path, Query},
    problem::{ApiResult, ProblemSchema},
};
use http::{StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;

/// The browser that begins.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthorizeQuery {
    /// Base64url, without padding, of the SHA-256 of a verifier that the page keeps: 43 to 128 letters, digits and `-._~`. To
    /// link a social account the verifier should end in `.` and the user's id, which makes it good for nothing else.
    #[param(
        example = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        min_length = 43,
        max_length = 43
    )]
    challenge: String,
}

/// Sends the browser to the provider. It comes back to the front end's page with a code and the state, which is good once
/// and for ten minutes.
#[utoipa::path(
    get, path = "/auth/oauth2/{provider}/authorize", tag = "auth",
    params(("provider" = String, Path, description = "`kakao`, `naver` or `google`", example = "kakao"), AuthorizeQuery),
    responses(
        (status = 302, description = "To the provider", headers(("Location" = String))),
        (status = 400, description = "VALIDATION_FAILED", body = ProblemSchema),
        (status = 404, description = "No such provider, or it is not offered here", body = ProblemSchema),
        (status = 429, body = ProblemSchema),
        (status = 503, description = "The state cannot be kept", body = ProblemSchema),
    )
)]
pub(crate) async fn authorize(
    State(app): State<App>,
    Path(provider): Path<String>,
    Query(query): Query<AuthorizeQuery>,
) -> ApiResult<Response> {
    let provider = SocialProvider::parse(&provider)?;
    let there = app.social.get(provider)?;
    let challenge = Challenge::parse(&query.challenge)?;
    let secrets = app.login_states.begin(provider, &challenge).await?;
    let headers = [
        (header::LOCATION, there.authorization_url(&secrets)?),
        // Each browser needs a state of its own.
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((StatusCode::FOUND, headers).into_response())
}
