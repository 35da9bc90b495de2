use crate::{db, reauthentication::show_password, state::App, visitor::Visitor};
use axum::extract::State;
use common::{
    extract::Json,
    identity::User,
    problem::{ApiResult, Code, Problem, ProblemSchema},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Whose account it is must be shown.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DeleteMeRequest {
    /// Of an account that has one.
    password: Option<String>,
    /// `true`, of an account without a password.
    confirm: Option<bool>,
}

/// Deletes the signed-in user's account. Its personal data is erased at once, addresses of past sign-ins included, and every
/// session ends. What remains is a row without a person, the agreements with their times, and for 30 days a keyed hash of the
/// CI, so that nobody sheds an account during a sale to come back with a new one.
///
/// Bookings are not cancelled by it. A confirmed one stays valid, a payment that runs comes to its end, a hold expires; if the
/// event is cancelled the money goes back as it was paid, which needs no account. Who wants a refund cancels first.
///
/// Everything is one transaction. When we die after it, the gateway hears of the ended sessions from the worker; a repeated
/// request finds the account deleted, which is what it asked for.
#[utoipa::path(
    delete, path = "/users/me", tag = "users",
    request_body = DeleteMeRequest,
    security(("bearer" = [])),
    responses(
        (status = 204),
        (status = 400, description = "VALIDATION_FAILED (neither a password nor, for an account without one, confirm: true), MALFORMED_REQUEST", body = ProblemSchema),
        (status = 401, description = "UNAUTHENTICATED, INVALID_CREDENTIALS (the password is wrong)", body = ProblemSchema),
        (status = 413, body = ProblemSchema), (status = 415, body = ProblemSchema),
        (status = 423, description = "ACCOUNT_LOCKED: too many bad passwords", body = ProblemSchema),
        (status = 429, body = ProblemSchema), (status = 503, body = ProblemSchema),
    )
)]
pub(crate) async fn delete_me(
    State(app): State<App>,
    user: User,
    headers: HeaderMap,
    Json(request): Json<DeleteMeRequest>,
) -> ApiResult<StatusCode> {
    let shown = match (request.password, request.confirm) {
        (_, Some(false)) => return Err(Problem::invalid("confirm", "must be true")),
        (None, None) => return Err(Problem::invalid("password", "is needed, or `confirm` without one")),
        _ if is_deleted(&app, user.id).await? => return Ok(StatusCode::NO_CONTENT),
        (Some(password), _) => Some(show_password(&app, user.id, "password", password, Visitor::of(&headers)).await?),
        (None, Some(true)) => None,
    };
    let password_hash = shown.as_ref().map(|shown| shown.password_hash.as_str());

    let mut transaction = app.db.begin().await?;
    if !db::withdrawn::erase(&mut transaction, user.id, password_hash).await? {
        drop(transaction);
        return not_erased(&app, user.id, shown.is_some()).await;
    }
    let ended = app.sessions.end_all(&mut transaction, user.id, None).await?;
    if let Some(shown) = &shown {
        app.lock_out.take_back(&mut transaction, &shown.counted).await?;
    }
    transaction.commit().await?;
    tracing::info!(user.id = %user.id, session.count = ended.0.len(), "an account was deleted");
    app.sessions.tell_or_leave(&ended).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn is_deleted(app: &App, user: Uuid) -> sqlx::Result<bool> {
    let account = db::passwords::own_credentials(&mut *app.db.acquire().await?, user).await?;
    Ok(account.is_some_and(|account| account.status == "DELETED"))
}

/// Why the account was not as it was when it was looked at.
async fn not_erased(app: &App, user: Uuid, password_shown: bool) -> ApiResult<StatusCode> {
    let account = db::passwords::own_credentials(&mut *app.db.acquire().await?, user).await?;
    let account = account.ok_or_else(|| Problem::new(Code::Unauthenticated))?;
    match account.status.as_str() {
        // Another request was quicker.
        "DELETED" => Ok(StatusCode::NO_CONTENT),
        "ACTIVE" if password_shown => Err(Problem::new(Code::InvalidCredentials)),
        "ACTIVE" => Err(Problem::invalid("password", "is needed: this account has one")),
        _ => Err(Problem::new(Code::Unauthenticated)),
    }
}
