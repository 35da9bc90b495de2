use crate::{
    db::{self, social::Unlinked},
    providers::social::SocialProvider,
    state::App,
};
use axum::extract::State;
use common::{
    extract::Path,
    identity::User,
    problem::{ApiResult, Code, Problem, ProblemSchema},
};
use http::StatusCode;

/// Unlinks a social account: it signs nobody in any more. Sessions that it began go on. What the provider remembers of us is
/// for the person to end there: we keep no token with which we could.
#[utoipa::path(
    delete, path = "/users/me/social-accounts/{provider}", tag = "users",
    params(("provider" = String, Path, description = "`kakao`, `naver` or `google`", example = "kakao")),
    security(("bearer" = [])),
    responses(
        (status = 204),
        (status = 401, body = ProblemSchema),
        (status = 404, description = "No such provider, or none of it is linked", body = ProblemSchema),
        (status = 409, description = "LAST_SIGN_IN_METHOD: there is no password and no other social account", body = ProblemSchema),
        (status = 429, body = ProblemSchema), (status = 503, body = ProblemSchema),
    )
)]
pub(crate) async fn unlink_social_account(
    State(app): State<App>,
    user: User,
    Path(provider): Path<String>,
) -> ApiResult<StatusCode> {
    let provider = SocialProvider::parse(&provider)?;
    let mut transaction = app.db.begin().await?;
    db::accounts::lock(&mut transaction, user.id).await?;
    match db::social::unlink(&mut transaction, user.id, provider.as_str()).await? {
        Unlinked::Done => transaction.commit().await?,
        Unlinked::NotLinked => return Err(Problem::new(Code::NotFound)),
        Unlinked::TheLast => return Err(Problem::new(Code::LastSignInMethod)),
    }
    tracing::info!(user.id = %user.id, oauth.provider = provider.name(), "a social account was unlinked");
    Ok(StatusCode::NO_CONTENT)
}
