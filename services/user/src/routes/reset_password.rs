use crate::{db, domain::Password, personal_data::Column, state::App, visitor::Visitor};
use axum::extract::State;
use common::{
    extract::Json,
    problem::{ApiResult, ProblemSchema},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

/// A new password for who does not know the old one.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ResetPasswordRequest {
    identity_verification_id: String,
    captcha_token: String,
    /// By the rules of a registration.
    new_password: String,
}

/// Sets a new password for the account of a verified person, and ends every session of it. An account that had none, because
/// it was made by a social login, has one from now on if it has an email; one that sleeps or is locked does so still.
///
/// The answer is the same when the person has no account. When the reply is lost the verification is used up, and the new
/// password is in force.
#[utoipa::path(
    post, path = "/auth/password/reset", tag = "auth",
    request_body = ResetPasswordRequest,
    responses(
        (status = 204, description = "If the person has an account, its password is the new one"),
        (status = 400, description = "VALIDATION_FAILED, MALFORMED_REQUEST, CAPTCHA_FAILED, IDENTITY_NOT_VERIFIED, WEAK_PASSWORD", body = ProblemSchema),
        (status = 413, body = ProblemSchema), (status = 415, body = ProblemSchema), (status = 429, body = ProblemSchema),
        (status = 503, description = "A verifier is down", body = ProblemSchema),
    )
)]
pub(crate) async fn reset_password(
    State(app): State<App>,
    headers: HeaderMap,
    Json(request): Json<ResetPasswordRequest>,
) -> ApiResult<StatusCode> {
    let password = Password::parse_as("newPassword", request.new_password)?;
    let visitor = Visitor::of(&headers);
    app.recaptcha.verify(&request.captcha_token, visitor.address).await?;
    let person = app.identities.proven(&request.identity_verification_id).await?;
    // Before the account is looked for, so that it takes as long without one.
    let password_hash = app.passwords.hash(password).await?;

    let mut transaction = app.db.begin().await?;
    person.use_up(&mut transaction, &app.keyring).await?;
    let ci_hash = app.keyring.blind_index(Column::Ci, &person.ci);
    let Some(account) = db::passwords::lock_of_person(&mut transaction, &ci_hash).await? else {
        transaction.commit().await?;
        return Ok(StatusCode::NO_CONTENT);
    };
    db::passwords::set_password(&mut transaction, account.id, &password_hash).await?;
    let ended = app.sessions.end_all(&mut transaction, account.id, None).await?;
    if let Some(email_hash) = &account.email_hash {
        app.lock_out
            .forgive(&mut transaction, email_hash, visitor.address)
            .await?;
    }
    transaction.commit().await?;
    tracing::info!(user.id = %account.id, session.count = ended.0.len(), "a password was reset; every session ended");
    app.sessions.tell_or_leave(&ended).await;
    Ok(StatusCode::NO_CONTENT)
}
