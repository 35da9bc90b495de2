use super::{Provider, SocialProvider};
use crate::login_states::LoginSecrets;
use common::problem::{Code, Problem};
use http::StatusCode;
use secrecy::ExposeSecret;
use serde::Deserialize;

/// What a code was exchanged for. Dropped with the request.
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) id: Option<String>,
}

/// Success and refusal in one, because Naver refuses with status 200. How long the token lives is not read: it is used at
/// once, and Naver tells it as text where the others have a number.
#[derive(Deserialize)]
struct Reply {
    access_token: Option<String>,
    token_type: Option<String>,
    id_token: Option<String>,
    error: Option<String>,
    /// Kakao's own.
    error_code: Option<String>,
}

impl Provider {
    /// Exchanges a code. It is posted, so that no secret stands in an address.
    pub(super) async fn exchange(&self, code: &str, secrets: &LoginSecrets) -> Result<Tokens, Problem> {
        let config = &self.config;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("client_id", &config.client_id),
            ("client_secret", config.client_secret.expose_secret()),
            ("redirect_uri", &config.redirect_uri),
            ("code", code),
        ];
        form.push(match self.kind {
            SocialProvider::Naver => ("state", &secrets.state),
            SocialProvider::Kakao | SocialProvider::Google => ("code_verifier", &secrets.pkce_verifier),
        });
        let expected = [
            StatusCode::OK,
            StatusCode::BAD_REQUEST,
            StatusCode::UNAUTHORIZED,
            StatusCode::FORBIDDEN,
        ];
        let request = self.client.post(&config.endpoints.token).form(&form);
        let (status, body) = self.client.ask(request, &expected).await?;
        let reply: Reply = serde_json::from_slice(&body).map_err(|_| self.lies("its token reply cannot be read"))?;
        if let Some(error) = &reply.error {
            return Err(self.refusal(error, reply.error_code.as_deref()));
        }
        let bearer = reply.token_type.is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
        match reply.access_token.filter(|token| !token.is_empty()) {
            Some(access) if bearer && status == StatusCode::OK => Ok(Tokens {
                access,
                id: reply.id_token,
            }),
            _ => Err(self.lies("its token reply has neither a bearer token nor an error")),
        }
    }

    /// A code that is unknown, old or used is the visitor's affair; everything else is ours or the provider's.
    fn refusal(&self, error: &str, error_code: Option<&str>) -> Problem {
        // The descriptions are not logged: Kakao's has the code in it.
        let plain = |text: &str| -> String {
            let kept = text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_');
            kept.take(40).collect()
        };
        let (oauth_error, own_code) = (plain(error), plain(error_code.unwrap_or_default()));
        tracing::warn!(
            oauth.provider = self.kind.name(),
            oauth.error = oauth_error,
            oauth.error_code = own_code,
            "a provider refuses a code"
        );
        let the_codes_fault = match self.kind {
            // KOE303: our redirect URI is not the registered one.
            SocialProvider::Kakao => error == "invalid_grant" && error_code != Some("KOE303"),
            SocialProvider::Naver => matches!(error, "invalid_request" | "invalid_grant"),
            SocialProvider::Google => error == "invalid_grant",
        };
        if the_codes_fault {
            Problem::new(Code::OauthCodeInvalid)
        } else {
            self.lies("it does not accept our registration")
        }
    }
}
