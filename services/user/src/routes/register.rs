use super::client_address;
use crate::{
    db::{self, accounts::NewAccount},
    domain::{Agreement, Email, Password, PersonName, Phone, check_agreements},
    personal_data::Column,
    providers::identity::VerifiedPerson,
    state::App,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use common::{
    db::constraint,
    extract::Json,
    identity::Role,
    problem::{ApiResult, Code, Problem, ProblemSchema},
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
/// the reply is lost the account exists, and the next try says `EMAIL_TAKEN`.
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
        .verify(&request.captcha_token, client_address(&headers))
        .await?;
    let person = app
        .identities
        .verified(&request.identity_verification_id, &name, &phone)
        .await?;
    let password_hash = app.passwords.hash(password).await?;

    let account = seal(&app, &email, &name, &phone, &person, password_hash)?;
    let verification = app.keyring.verification_hash(&request.identity_verification_id);
    let mut transaction = app.db.begin().await?;
    let created_at = db::accounts::insert(&mut transaction, &account)
        .await
        .map_err(refusal)?;
    db::accounts::use_verification(&mut transaction, &verification)
        .await
        .map_err(refusal)?;
    for agreement in &request.agreements {
        let terms_type = agreement.terms_type.as_str();
        db::accounts::insert_agreement(
            &mut transaction,
            account.id,
            terms_type,
            &agreement.version,
            agreement.agreed,
        )
        .await?;
    }
    transaction.commit().await?;
    tracing::info!(user.id = %account.id, "a person registered");
    let reply = RegisterReply {
        user_id: account.id,
        email: email.as_str().to_owned(),
        name: name.as_str().to_owned(),
        created_at,
    };
    Ok((StatusCode::CREATED, Json(reply)))
}

fn seal(
    app: &App,
    email: &Email,
    name: &PersonName,
    phone: &Phone,
    person: &VerifiedPerson,
    password_hash: String,
) -> anyhow::Result<NewAccount> {
    let (keyring, id) = (&app.keyring, Uuid::now_v7());
    Ok(NewAccount {
        id,
        email_encrypted: keyring.encrypt(Column::Email, id, email.as_str())?,
        email_hash: keyring.blind_index(Column::Email, email.as_str()),
        password_hash,
        name_encrypted: keyring.encrypt(Column::Name, id, name.as_str())?,
        phone_encrypted: Some(keyring.encrypt(Column::Phone, id, phone.as_str())?),
        ci_encrypted: Some(keyring.encrypt(Column::Ci, id, &person.ci)?),
        di_encrypted: person
            .di
            .as_ref()
            .map(|di| keyring.encrypt(Column::Di, id, di))
            .transpose()?,
        ci_hash: Some(keyring.blind_index(Column::Ci, &person.ci)),
        role: Role::User,
    })
}

/// Uniqueness is the database's: the constraint that broke says what is taken.
fn refusal(error: sqlx::Error) -> Problem {
    match constraint(&error) {
        Some("users_email_hash_key") => Problem::new(Code::EmailTaken),
        Some("users_ci_hash_key") => Problem::new(Code::IdentityTaken),
        Some("used_identity_verifications_pkey") => {
            Problem::new(Code::IdentityNotVerified).field("identityVerificationId", "was used before")
        }
        _ => error.into(),
    }
}
