use super::parse_code;
use crate::{
    db::{self, social::Subject},
    login_states::Verifier,
    providers::social::SocialProvider,
    state::App,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    db::constraint,
    extract::{Json, Path},
    identity::User,
    problem::{ApiResult, Code, Problem, ProblemSchema},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the provider gave to the front end's page, and the page's verifier.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LinkRequest {
    code: String,
    state: String,
    /// Of the challenge with which the page began at `authorize`.
    verifier: String,
}

/// A linked social account.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LinkReply {
    provider: SocialProvider,
    linked_at: DateTime<Utc>,
}

/// Links a social account, with which the user can sign in from then on.
///
/// Only the browser that began can finish, and only for the user whom its verifier names, if it names one: nobody's own
/// social account can be slipped into another's. The same once more is 200.
#[utoipa::path(
    post, path = "/users/me/social-accounts/{provider}", tag = "users",
    params(("provider" = String, Path, description = "`kakao`, `naver` or `google`", example = "kakao")),
    request_body = LinkRequest,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "It was linked before", body = LinkReply),
        (status = 201, body = LinkReply),
        (status = 400, description = "VALIDATION_FAILED, MALFORMED_REQUEST, OAUTH_STATE_INVALID, OAUTH_CODE_INVALID", body = ProblemSchema),
        (status = 401, body = ProblemSchema),
        (status = 404, description = "No such provider, or it is not offered here", body = ProblemSchema),
        (status = 409, description = "SOCIAL_ACCOUNT_TAKEN (it signs somebody else in), ALREADY_EXISTS (another one of this provider is linked)", body = ProblemSchema),
        (status = 413, body = ProblemSchema), (status = 415, body = ProblemSchema), (status = 429, body = ProblemSchema),
        (status = 503, description = "The provider is down, slow, or answers what it should not", body = ProblemSchema),
    )
)]
pub(crate) async fn link_social_account(
    State(app): State<App>,
    user: User,
    Path(provider): Path<String>,
    Json(request): Json<LinkRequest>,
) -> ApiResult<(StatusCode, Json<LinkReply>)> {
    let provider = SocialProvider::parse(&provider)?;
    let there = app.social.get(provider)?;
    let verifier = Verifier::parse(&request.verifier)?;
    if verifier.user().is_some_and(|named| named != user.id) {
        return Err(Problem::new(Code::OauthStateInvalid));
    }
    let code = parse_code(&request.code)?;
    let secrets = app.login_states.finish(provider, &request.state, &verifier).await?;
    let profile = there.profile(code, &secrets).await?;
    let hash = app.keyring.subject_hash(provider.as_str(), &profile.subject);
    let subject = Subject {
        provider: provider.as_str(),
        hash: &hash,
    };
    let (status, linked_at) = link(&app, user, subject).await?;
    tracing::info!(user.id = %user.id, oauth.provider = provider.name(), "a social account was linked");
    Ok((status, Json(LinkReply { provider, linked_at })))
}

async fn link(app: &App, user: User, subject: Subject<'_>) -> Result<(StatusCode, DateTime<Utc>), Problem> {
    let mut transaction = app.db.begin().await?;
    // Unlinking and deleting the account wait for this, and this for them.
    db::accounts::lock(&mut transaction, user.id).await?;
    let account = db::passwords::own_credentials(&mut transaction, user.id).await?;
    if account.is_none_or(|account| account.status != "ACTIVE") {
        return Err(Problem::new(Code::Unauthenticated));
    }
    if let Some(since) = db::social::linked_since(&mut transaction, user.id, subject).await? {
        return Ok((StatusCode::OK, since));
    }
    db::social::release(&mut transaction, subject, app.rejoin_after).await?;
    let linked = db::social::link(&mut transaction, user.id, subject).await;
    let linked_at = linked.map_err(|error| match constraint(&error) {
        Some("social_accounts_subject_key") => Problem::new(Code::SocialAccountTaken),
        Some("social_accounts_user_key") => Problem::new(Code::AlreadyExists),
        _ => error.into(),
    })?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, linked_at))
}
