use super::client_address;
use crate::{
    db::{self, accounts::Credentials, history::Attempt},
    domain::Email,
    personal_data::Column,
    sessions::TokenPair,
    state::App,
};
use axum::extract::State;
use common::{
    extract::{Json, header_text},
    problem::{ApiResult, Code, Problem, ProblemSchema},
};
use http::{HeaderMap, header};
use serde::Deserialize;
use utoipa::ToSchema;

/// A login.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LoginRequest {
    email: String,
    password: String,
    captcha_token: String,
}

/// Signs in. Status, body and time of a failure do not tell whether the account exists.
#[utoipa::path(
    post, path = "/auth/login", tag = "auth",
    request_body = LoginRequest,
    responses(
        (status = 200, body = TokenPair),
        (status = 400, description = "VALIDATION_FAILED, MALFORMED_REQUEST, CAPTCHA_FAILED", body = ProblemSchema),
        (status = 401, description = "INVALID_CREDENTIALS", body = ProblemSchema),
        (status = 403, description = "ACCOUNT_DORMANT", body = ProblemSchema),
        (status = 413, body = ProblemSchema), (status = 415, body = ProblemSchema),
        (status = 423, description = "ACCOUNT_LOCKED", body = ProblemSchema),
        (status = 429, body = ProblemSchema), (status = 503, body = ProblemSchema),
    )
)]
pub(crate) async fn login(
    State(app): State<App>,
    headers: HeaderMap,
    Json(request): Json<LoginRequest>,
) -> ApiResult<Json<TokenPair>> {
    let email = Email::parse(&request.email)?;
    app.recaptcha
        .verify(&request.captcha_token, client_address(&headers))
        .await?;
    let email_hash = app.keyring.blind_index(Column::Email, email.as_str());
    // The connection goes back before bcrypt: a pool held through it would starve every other request.
    let account = db::accounts::credentials(&mut *app.db.acquire().await?, &email_hash).await?;
    let stored = account.as_ref().and_then(|account| account.password_hash.clone());
    let right = app.passwords.verify(request.password, stored).await?;
    let user_agent = header_text(&headers, header::USER_AGENT.as_str()).map(|text| truncate(text, 300));
    let user = account.as_ref().map(|account| account.id);
    let admitted = judge(account, right);
    let attempt = Attempt {
        user,
        ip_address: client_address(&headers),
        user_agent,
        failure: admitted.as_ref().err().copied().map(Code::as_str),
    };
    let mut transaction = app.db.begin().await?;
    db::history::record(&mut transaction, &attempt).await?;
    let account = match admitted {
        Ok(account) => account,
        Err(code) => {
            transaction.commit().await?;
            return Err(Problem::new(code));
        }
    };
    if !db::accounts::touch_login(&mut transaction, account.id).await? {
        return Err(Problem::new(Code::InvalidCredentials));
    }
    let pair = app.sessions.begin(&mut transaction, account.id, account.role).await?;
    transaction.commit().await?;
    Ok(Json(pair))
}

/// Dormancy and locks are told only to who knows the password.
fn judge(account: Option<Credentials>, right: bool) -> Result<Credentials, Code> {
    let account = account.filter(|_| right).ok_or(Code::InvalidCredentials)?;
    match account.status.as_str() {
        "ACTIVE" => Ok(account),
        "DORMANT" => Err(Code::AccountDormant),
        "LOCKED" => Err(Code::AccountLocked),
        _ => Err(Code::InvalidCredentials),
    }
}

fn truncate(text: &str, chars: usize) -> &str {
    text.char_indices().nth(chars).map_or(text, |(end, _)| &text[..end])
}
