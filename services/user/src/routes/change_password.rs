use super::bearer;
use crate::{db, domain::Password, reauthentication::show_password, state::App, visitor::Visitor};
use axum::extract::State;
use common::{
    extract::Json,
    identity::User,
    problem::{ApiResult, Code, Problem, ProblemSchema},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

/// A change of password.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ChangePasswordRequest {
    current_password: String,
    /// Another one, by the rules of a registration.
    new_password: String,
}

/// Changes the password. Every other session ends; the one that asks goes on.
///
/// Of two changes at once one wins: the other's current password is not the current one any more. When the reply is lost, the
/// next try says that the old password is wrong.
#[utoipa::path(
    put, path = "/users/me/password", tag = "users",
    request_body = ChangePasswordRequest,
    security(("bearer" = [])),
    responses(
        (status = 204),
        (status = 400, description = "VALIDATION_FAILED (also for an account without a password), MALFORMED_REQUEST, WEAK_PASSWORD", body = ProblemSchema),
        (status = 401, description = "UNAUTHENTICATED, INVALID_CREDENTIALS (the current password is wrong)", body = ProblemSchema),
        (status = 413, body = ProblemSchema), (status = 415, body = ProblemSchema),
        (status = 423, description = "ACCOUNT_LOCKED: too many bad passwords", body = ProblemSchema),
        (status = 429, body = ProblemSchema), (status = 503, body = ProblemSchema),
    )
)]
pub(crate) async fn change_password(
    State(app): State<App>,
    user: User,
    headers: HeaderMap,
    Json(request): Json<ChangePasswordRequest>,
) -> ApiResult<StatusCode> {
    let session = app.sessions.claims(bearer(&headers)?)?;
    if session.sub != user.id {
        return Err(Problem::new(Code::Unauthenticated));
    }
    let new = Password::parse_as("newPassword", request.new_password)?;
    let same = new.expose() == Password::as_hashed(request.current_password.clone());
    let shown = show_password(
        &app,
        user.id,
        "currentPassword",
        request.current_password,
        Visitor::of(&headers),
    )
    .await?;
    if same {
        let mut connection = app.db.acquire().await?;
        app.lock_out.take_back(&mut connection, &shown.counted).await?;
        return Err(Problem::invalid(
            "newPassword",
            "must be another one than the current password",
        ));
    }
    let new_hash = app.passwords.hash(new).await?;

    let mut transaction = app.db.begin().await?;
    if !db::passwords::replace_password(&mut transaction, user.id, &shown.password_hash, &new_hash).await? {
        return Err(Problem::new(Code::InvalidCredentials));
    }
    let ended = app
        .sessions
        .end_all(&mut transaction, user.id, Some(session.sid))
        .await?;
    app.lock_out.take_back(&mut transaction, &shown.counted).await?;
    transaction.commit().await?;
    tracing::info!(user.id = %user.id, session.count = ended.0.len(), "a password was changed; the other sessions ended");
    app.sessions.tell_or_leave(&ended).await;
    Ok(StatusCode::NO_CONTENT)
}
