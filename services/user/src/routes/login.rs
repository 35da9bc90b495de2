use crate::{
    db::{
        self,
        history::{Attempt, Method},
    },
    domain::Email,
    lock_out::{Verdict, stopped},
    personal_data::Column,
    sessions::TokenPair,
    signing_in::{Owner, sign_in},
    state::App,
    visitor::Visitor,
};
use axum::extract::State;
use common::{
    extract::Json,
    problem::{ApiResult, Code, Problem, ProblemSchema},
};
use http::HeaderMap;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A login.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LoginRequest {
    email: String,
    password: String,
    captcha_token: String,
}

/// Signs in. Status, body and time of a failure do not tell whether the account exists, and neither does a stop after too many
/// bad passwords: then no password is looked at.
#[utoipa::path(
    post, path = "/auth/login", tag = "auth",
    request_body = LoginRequest,
    responses(
        (status = 200, body = TokenPair),
        (status = 400, description = "VALIDATION_FAILED, MALFORMED_REQUEST, CAPTCHA_FAILED", body = ProblemSchema),
        (status = 401, description = "INVALID_CREDENTIALS", body = ProblemSchema),
        (status = 403, description = "ACCOUNT_DORMANT", body = ProblemSchema),
        (status = 413, body = ProblemSchema), (status = 415, body = ProblemSchema),
        (status = 423, description = "ACCOUNT_LOCKED: by an administrator, or with Retry-After after too many bad passwords", body = ProblemSchema),
        (status = 429, body = ProblemSchema), (status = 503, body = ProblemSchema),
    )
)]
pub(crate) async fn login(
    State(app): State<App>,
    headers: HeaderMap,
    Json(request): Json<LoginRequest>,
) -> ApiResult<Json<TokenPair>> {
    let email = Email::parse(&request.email)?;
    let visitor = Visitor::of(&headers);
    app.recaptcha.verify(&request.captcha_token, visitor.address).await?;
    let email_hash = app.keyring.blind_index(Column::Email, email.as_str());
    // The connection goes back before bcrypt: a pool held through it would starve every other request.
    let mut connection = app.db.acquire().await?;
    let verdict = app
        .lock_out
        .count(&mut connection, &email_hash, visitor.address)
        .await?;
    let account = db::accounts::credentials(&mut connection, &email_hash).await?;
    drop(connection);
    let user = account.as_ref().map(|account| account.id);
    let counted = match verdict {
        Verdict::Judge(counted) => counted,
        Verdict::Stopped(remaining) => {
            remember_failure(&app, user, visitor, Code::AccountLocked).await?;
            return Err(stopped(remaining));
        }
    };

    let stored = account.as_ref().and_then(|account| account.password_hash.clone());
    let right = app.passwords.verify(request.password, stored).await?;
    let Some(account) = account.filter(|_| right) else {
        remember_failure(&app, user, visitor, Code::InvalidCredentials).await?;
        return Err(Problem::new(Code::InvalidCredentials));
    };
    let owner = Owner {
        id: account.id,
        role: account.role,
        status: &account.status,
        method: Method::Email,
        password_hash: account.password_hash.as_deref(),
    };
    let mut transaction = app.db.begin().await?;
    let outcome = sign_in(&app, &mut transaction, &owner, visitor).await?;
    app.lock_out.take_back(&mut transaction, &counted).await?;
    transaction.commit().await?;
    outcome.map(Json).map_err(Problem::new)
}

async fn remember_failure(app: &App, user: Option<Uuid>, visitor: Visitor<'_>, failure: Code) -> sqlx::Result<()> {
    let mut transaction = app.db.begin().await?;
    let attempt = Attempt {
        user,
        method: Method::Email,
        visitor,
        failure: Some(failure),
    };
    db::history::record(&mut transaction, &attempt).await?;
    transaction.commit().await
}
