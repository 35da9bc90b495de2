use super::parse_code;
use crate::{
    db::{self, social::Subject},
    login_states::Verifier,
    providers::social::{SocialProfile, SocialProvider},
    sessions::TokenPair,
    signing_in::{Owner, sign_in},
    signup_tokens::Newcomer,
    state::App,
    visitor::Visitor,
};
use axum::extract::State;
use common::{
    extract::{Json, Path, Query},
    problem::{ApiResult, Code, Problem, ProblemSchema},
};
use http::{HeaderMap, HeaderName, header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What the provider gave to the front end's page, and the page's verifier. Whatever else the provider added is passed over
/// (RFC 6749 §4.1.2).
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CallbackQuery {
    /// The authorisation code; missing when there is an `error`.
    code: Option<String>,
    state: String,
    /// Of the challenge with which the page began.
    #[param(min_length = 43, max_length = 128)]
    verifier: String,
    /// Instead of a code: why there is none.
    error: Option<String>,
}

/// A session, or what a sign-up needs.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum CallbackReply {
    SignedIn(TokenPair),
    NotYet(SignupOffer),
}

/// Nobody is linked with that social account: the person may sign up, or sign in and link it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignupOffer {
    /// For `POST /auth/oauth2/signup`, once, within 15 minutes.
    signup_token: String,
    profile: OfferedProfile,
}

/// What the provider says of the person, to greet them by.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfferedProfile {
    provider: SocialProvider,
    /// The email that the account will have; none if the provider does not vouch for one.
    email: Option<String>,
    /// Not the account's name, which is the verified one.
    name: Option<String>,
}

/// Signs in whoever comes back from the provider.
///
/// The state is used up first, whatever follows: after any refusal the person begins again at `authorize`. An account is
/// found by the provider's id of the person alone; one that merely has the same email is neither told nor linked.
#[utoipa::path(
    get, path = "/auth/oauth2/{provider}/callback", tag = "auth",
    params(("provider" = String, Path, description = "`kakao`, `naver` or `google`", example = "kakao"), CallbackQuery),
    responses(
        (status = 200, description = "Tokens, or an offer to sign up", body = CallbackReply),
        (status = 400, description = "VALIDATION_FAILED, OAUTH_STATE_INVALID (unknown, old, used, of another provider or browser), OAUTH_DENIED (the person did not agree), OAUTH_CODE_INVALID", body = ProblemSchema),
        (status = 403, description = "ACCOUNT_DORMANT, ACCOUNT_DELETED", body = ProblemSchema),
        (status = 404, description = "No such provider, or it is not offered here", body = ProblemSchema),
        (status = 423, description = "ACCOUNT_LOCKED", body = ProblemSchema),
        (status = 429, body = ProblemSchema),
        (status = 503, description = "The provider is down, slow, or answers what it should not", body = ProblemSchema),
    )
)]
pub(crate) async fn callback(
    State(app): State<App>,
    Path(provider): Path<String>,
    headers: HeaderMap,
    Query(query): Query<CallbackQuery>,
) -> ApiResult<([(HeaderName, &'static str); 1], Json<CallbackReply>)> {
    let provider = SocialProvider::parse(&provider)?;
    let there = app.social.get(provider)?;
    let verifier = Verifier::parse(&query.verifier)?;
    if verifier.user().is_some() {
        // It was begun to link a social account, so its end must not be a session.
        return Err(Problem::new(Code::OauthStateInvalid));
    }
    let secrets = app.login_states.finish(provider, &query.state, &verifier).await?;
    let code = match (&query.error, &query.code) {
        (Some(error), _) => return Err(refused(provider, error)),
        (None, code) => parse_code(code.as_deref().unwrap_or_default())?,
    };
    let profile = there.profile(code, &secrets).await?;
    let reply = match find(&app, provider, &profile, Visitor::of(&headers)).await? {
        Some(pair) => CallbackReply::SignedIn(pair),
        None => CallbackReply::NotYet(offer(&app, provider, profile).await?),
    };
    // A GET whose reply is worth stealing.
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(reply)))
}

/// The provider sent the person back without a code.
fn refused(provider: SocialProvider, error: &str) -> Problem {
    match error {
        "access_denied"
        | "consent_required"
        | "login_required"
        | "interaction_required"
        | "account_selection_required" => Problem::new(Code::OauthDenied),
        "server_error" | "temporarily_unavailable" => Problem::unavailable(provider.name(), &"it says so itself"),
        // What is left is about our registration or our request, which no visitor can mend.
        _ => Problem::unavailable(provider.name(), &"it does not accept our request"),
    }
}

/// Signs in the user of the social account, if there is one.
async fn find(
    app: &App,
    provider: SocialProvider,
    profile: &SocialProfile,
    visitor: Visitor<'_>,
) -> Result<Option<TokenPair>, Problem> {
    let hash = app.keyring.subject_hash(provider.as_str(), &profile.subject);
    let subject = Subject {
        provider: provider.as_str(),
        hash: &hash,
    };
    for _ in 0..2 {
        let mut transaction = app.db.begin().await?;
        let Some(user) = db::social::linked_user(&mut transaction, subject, app.rejoin_after).await? else {
            return Ok(None);
        };
        if user.status == "DELETED" {
            return Err(Problem::new(Code::AccountDeleted));
        }
        let owner = Owner {
            id: user.id,
            role: user.role,
            status: &user.status,
            method: provider.method(),
            password_hash: None,
        };
        match sign_in(app, &mut transaction, &owner, visitor).await? {
            // It stopped being active since it was read: look again at what it is now.
            Err(Code::InvalidCredentials) => {}
            outcome => {
                transaction.commit().await?;
                return outcome.map(Some).map_err(Problem::new);
            }
        }
    }
    Err(Problem::unavailable("the account", &"it keeps changing"))
}

async fn offer(app: &App, provider: SocialProvider, profile: SocialProfile) -> Result<SignupOffer, Problem> {
    let offered = OfferedProfile {
        provider,
        email: profile.email.clone(),
        name: profile.name.clone(),
    };
    let signup_token = app.signup_tokens.issue(&Newcomer { provider, profile }).await?;
    Ok(SignupOffer {
        signup_token,
        profile: offered,
    })
}
