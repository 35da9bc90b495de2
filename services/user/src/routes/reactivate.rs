use crate::{db, personal_data::Column, state::App, visitor::Visitor};
use axum::extract::State;
use common::{
    extract::Json,
    problem::{ApiResult, ProblemSchema},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

/// The owner of a dormant account is back.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReactivateRequest {
    identity_verification_id: String,
    captcha_token: String,
}

/// Wakes up the account of a verified person and ends every session of it. The owner signs in as ever after it.
///
/// The answer is the same when the person has no account, or one that does not sleep: an account that an administrator
/// locked stays locked.
#[utoipa::path(
    post, path = "/auth/reactivate", tag = "auth",
    request_body = ReactivateRequest,
    responses(
        (status = 204, description = "If the person has a dormant account, it is active"),
        (status = 400, description = "VALIDATION_FAILED, MALFORMED_REQUEST, CAPTCHA_FAILED, IDENTITY_NOT_VERIFIED", body = ProblemSchema),
        (status = 413, body = ProblemSchema), (status = 415, body = ProblemSchema), (status = 429, body = ProblemSchema),
        (status = 503, description = "A verifier is down", body = ProblemSchema),
    )
)]
pub(crate) async fn reactivate(
    State(app): State<App>,
    headers: HeaderMap,
    Json(request): Json<ReactivateRequest>,
) -> ApiResult<StatusCode> {
    let visitor = Visitor::of(&headers);
    app.recaptcha.verify(&request.captcha_token, visitor.address).await?;
    let person = app.identities.proven(&request.identity_verification_id).await?;

    let mut transaction = app.db.begin().await?;
    person.use_up(&mut transaction, &app.keyring).await?;
    let ci_hash = app.keyring.blind_index(Column::Ci, &person.ci);
    let Some(account) = db::passwords::lock_of_person(&mut transaction, &ci_hash).await? else {
        transaction.commit().await?;
        return Ok(StatusCode::NO_CONTENT);
    };
    let slept = db::dormancy::reactivate(&mut transaction, account.id).await?;
    let ended = app.sessions.end_all(&mut transaction, account.id, None).await?;
    transaction.commit().await?;
    tracing::info!(user.id = %account.id, user.was_dormant = slept, "a person asked for the account to be woken up");
    app.sessions.tell_or_leave(&ended).await;
    Ok(StatusCode::NO_CONTENT)
}
