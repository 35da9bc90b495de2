use crate::{
    domain::{Agreement, Email, Password, PersonName, Phone, check_agreements},
    opening::{NewPerson, open_account},
    state::App,
    visitor::Visitor,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    extract::Json,
    problem::{ApiResult, ProblemSchema},
};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A registration.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RegisterRequest {
    #[schema(example = "buyer@example.com")]
    email: String,
    /// 8 characters and more with a letter, a digit and a special character; at most 72 bytes.
    password: String,
    name: String,
    #[schema(example = "010-1234-5678")]
    phone: String,
    captcha_token: String,
    identity_verification_id: String,
    agreements: Vec<Agreement>,
}

/// The new account.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RegisterReply {
    user_id: Uuid,
    email: String,
    name: String,
    created_at: DateTime<Utc>,
}

/// Registers a person: terms, captcha, identity verification, then the account.
///
/// The cheap checks come first, and the captcha before the identity verification, so that a robot costs us nothing. When
/// the reply is lost the account exists, and the next try says `IDENTITY_TAKEN`.
#[utoipa::path(
    post, path = "/auth/register", tag = "auth",
    request_body = RegisterRequest,
    responses(
        (status = 201, body = RegisterReply),
        (status = 400, description = "VALIDATION_FAILED, MALFORMED_REQUEST, CAPTCHA_FAILED, IDENTITY_NOT_VERIFIED, TERMS_NOT_AGREED, WEAK_PASSWORD", body = ProblemSchema),
        (status = 409, description = "EMAIL_TAKEN, IDENTITY_TAKEN", body = ProblemSchema),
        (status = 413, body = ProblemSchema), (status = 415, body = ProblemSchema), (status = 429, body = ProblemSchema),
        (status = 503, description = "A verifier is down", body = ProblemSchema),
    )
)]
pub(crate) async fn register(
    State(app): State<App>,
    headers: HeaderMap,
    Json(request): Json<RegisterRequest>,
) -> ApiResult<(StatusCode, Json<RegisterReply>)> {
    let email = Email::parse(&request.email)?;
    let password = Password::parse(request.password)?;
    let name = PersonName::parse(&request.name)?;
    let phone = Phone::parse(&request.phone)?;
    check_agreements(&request.agreements)?;
    app.recaptcha
        .verify(&request.captcha_token, Visitor::of(&headers).address)
        .await?;
    let person = app
        .identities
        .verified(&request.identity_verification_id, &name, &phone)
        .await?;
    let password_hash = app.passwords.hash(password).await?;

    let new = NewPerson {
        email: Some(&email),
        password_hash: Some(password_hash),
        name: &name,
        phone: &phone,
        person: &person,
        agreements: &request.agreements,
    };
    let mut transaction = app.db.begin().await?;
    let opened = open_account(&app, &mut transaction, new).await?;
    transaction.commit().await?;
    tracing::info!(user.id = %opened.id, "a person registered");
    let reply = RegisterReply {
        user_id: opened.id,
        email: email.as_str().to_owned(),
        name: name.as_str().to_owned(),
        created_at: opened.created_at,
    };
    Ok((StatusCode::CREATED, Json(reply)))
}
