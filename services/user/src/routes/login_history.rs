use crate::{
    db::{self, history::PastAttempt},
    state::App,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    extract::{Json, Query},
    identity::User,
    page::{Page, PageQuery, PageRequest},
    problem::{ApiResult, ProblemSchema},
};
use serde::Serialize;
use utoipa::ToSchema;

/// An attempt to sign in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PastLogin {
    at: DateTime<Utc>,
    ip_address: Option<String>,
    user_agent: Option<String>,
    /// `EMAIL`, `KAKAO`, `NAVER` or `GOOGLE`.
    #[schema(example = "EMAIL")]
    method: String,
    success: bool,
    /// The code that was answered; none for a success.
    #[schema(example = "INVALID_CREDENTIALS")]
    failure_reason: Option<String>,
}

impl From<PastAttempt> for PastLogin {
    fn from(attempt: PastAttempt) -> Self {
        Self {
            at: attempt.at,
            ip_address: attempt.ip_address,
            user_agent: attempt.user_agent,
            method: attempt.method,
            success: attempt.success,
            failure_reason: attempt.failure_reason,
        }
    }
}

/// Who tried to sign in to the signed-in user's account, the latest attempt first.
#[utoipa::path(
    get, path = "/users/me/login-history", tag = "users",
    params(PageQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, body = Page<PastLogin>),
        (status = 400, body = ProblemSchema), (status = 401, body = ProblemSchema),
        (status = 429, body = ProblemSchema), (status = 503, body = ProblemSchema),
    )
)]
pub(crate) async fn login_history(
    State(app): State<App>,
    user: User,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<PastLogin>>> {
    let page = PageRequest::try_from(query)?;
    let mut connection = app.db.acquire().await?;
    let attempts = db::history::latest(&mut connection, user.id, page.limit(), page.offset()).await?;
    let total = db::history::count(&mut connection, user.id).await?;
    let attempts = attempts.into_iter().map(PastLogin::from).collect();
    Ok(Json(Page::new(attempts, page, total)))
}
