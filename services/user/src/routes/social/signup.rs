use crate::{
    db::{self, social::Subject},
    domain::{Agreement, Email, Phone, check_agreements},
    opening::{NewPerson, open_account},
    providers::identity::VerifiedPerson,
    sessions::TokenPair,
    signing_in::{Owner, sign_in},
    signup_tokens::Newcomer,
    state::App,
    visitor::Visitor,
};
use axum::extract::State;
use common::{
    db::constraint,
    extract::Json,
    identity::Role,
    problem::{ApiResult, Code, Problem, ProblemSchema},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

/// What the provider did not tell.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SignupRequest {
    /// From the callback, good for 15 minutes and one account.
    signup_token: String,
    #[schema(example = "010-1234-5678")]
    phone: String,
    captcha_token: String,
    identity_verification_id: String,
    agreements: Vec<Agreement>,
}

/// Opens an account for who came back from a provider, and signs in.
///
/// The account's name is the verified one, and its email the provider's, if there is one. When somebody has that email
/// already it is 409: whoever owns that account signs in there and links the social account; nobody gets into it by an email.
/// The token outlives a refusal. When the reply is lost, the next social login signs in.
#[utoipa::path(
    post, path = "/auth/oauth2/signup", tag = "auth",
    request_body = SignupRequest,
    responses(
        (status = 201, body = TokenPair),
        (status = 400, description = "VALIDATION_FAILED, MALFORMED_REQUEST, CAPTCHA_FAILED, IDENTITY_NOT_VERIFIED, TERMS_NOT_AGREED", body = ProblemSchema),
        (status = 401, description = "SIGNUP_TOKEN_INVALID: unknown, expired or used", body = ProblemSchema),
        (status = 409, description = "EMAIL_TAKEN, IDENTITY_TAKEN, SOCIAL_ACCOUNT_TAKEN", body = ProblemSchema),
        (status = 413, body = ProblemSchema), (status = 415, body = ProblemSchema), (status = 429, body = ProblemSchema),
        (status = 503, description = "A verifier is down", body = ProblemSchema),
    )
)]
pub(crate) async fn signup(
    State(app): State<App>,
    headers: HeaderMap,
    Json(request): Json<SignupRequest>,
) -> ApiResult<(StatusCode, Json<TokenPair>)> {
    let visitor = Visitor::of(&headers);
    let phone = Phone::parse(&request.phone)?;
    check_agreements(&request.agreements)?;
    let newcomer = app.signup_tokens.newcomer(&request.signup_token).await?;
    app.recaptcha.verify(&request.captcha_token, visitor.address).await?;
    let person = app
        .identities
        .verified_by_phone(&request.identity_verification_id, &phone)
        .await?;
    match open(&app, &newcomer, &request, &phone, &person, visitor).await {
        Ok(pair) => Ok((StatusCode::CREATED, Json(pair))),
        // Of two who send one token at once, the second meets the first's account. What is wrong is the token.
        Err(problem) if problem.code().status() == StatusCode::CONFLICT => {
            app.signup_tokens.newcomer(&request.signup_token).await?;
            Err(problem)
        }
        Err(problem) => Err(problem),
    }
}

async fn open(
    app: &App,
    newcomer: &Newcomer,
    request: &SignupRequest,
    phone: &Phone,
    person: &VerifiedPerson,
    visitor: Visitor<'_>,
) -> Result<TokenPair, Problem> {
    let (provider, profile) = (newcomer.provider, &newcomer.profile);
    let email = profile.email.as_deref().map(Email::parse).transpose()?;
    let new = NewPerson {
        email: email.as_ref(),
        password_hash: None,
        name: &person.name()?,
        phone,
        person,
        agreements: &request.agreements,
    };
    let hash = app.keyring.subject_hash(provider.as_str(), &profile.subject);
    let subject = Subject {
        provider: provider.as_str(),
        hash: &hash,
    };
    let mut transaction = app.db.begin().await?;
    let opened = open_account(app, &mut transaction, new).await?;
    db::social::release(&mut transaction, subject, app.rejoin_after).await?;
    let linked = db::social::link(&mut transaction, opened.id, subject).await;
    linked.map_err(|error| match constraint(&error) {
        Some("social_accounts_subject_key") => Problem::new(Code::SocialAccountTaken),
        _ => error.into(),
    })?;
    let owner = Owner {
        id: opened.id,
        role: Role::User,
        status: "ACTIVE",
        method: provider.method(),
        password_hash: None,
    };
    let pair = sign_in(app, &mut transaction, &owner, visitor)
        .await?
        .map_err(Problem::new)?;
    // Last before the commit: a refusal leaves the token, and whoever commits has used it up. Dying in between costs the
    // token and no more.
    if !app.signup_tokens.use_up(&request.signup_token).await? {
        return Err(Problem::new(Code::SignupTokenInvalid));
    }
    transaction.commit().await?;
    tracing::info!(user.id = %opened.id, oauth.provider = provider.name(), "a person signed up by social login");
    Ok(pair)
}
